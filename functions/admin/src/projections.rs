//! How far each projection has come, and the relay, which reads the same stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::read_problem;
use chrono::{DateTime, Utc};
use domain::order::event::EVENT_TYPES;
use domain::time::rfc3339_micros;
use event_store::StoreError;
use futures::future::try_join_all;
use lambda_edge::http::{Call, Problem, Reply};
use projector::status::{EventPlace, ProjectionStatus};
use serde::Serialize;

use crate::App;

#[derive(Serialize)]
struct ProjectionView {
    projection: &'static str,
    /// The newest event that it has applied or parked; `null` before its first batch.
    last_event: Option<EventView>,
    /// How old the oldest event is that it has not applied; 0 when there is none.
    lag_ms: i64,
    oldest_unapplied_at: Option<String>,
    /// Aggregates that it has given up on for now.
    parked: u64,
}

#[derive(Serialize)]
struct EventView {
    aggregate_id: String,
    version: u64,
    at: String,
}

pub async fn list(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Serialize)]
    struct Answer {
        data: Vec<ProjectionView>,
    }

    call.no_query()?;
    let data = views(&app).await.map_err(read_problem)?;
    Reply::ok(&Answer { data })
}

/// What is unapplied is asked of the event store, so that a projection that stands still is seen to be behind. It is the
/// first event after the newest applied one, or an older one that a batch has left to be delivered again.
async fn views(app: &App) -> Result<Vec<ProjectionView>, StoreError> {
    let names: Vec<_> = app.parkers.names().collect();
    let statuses = try_join_all(names.iter().map(|name| app.statuses.get(name))).await?;
    let applied_at = |status: &ProjectionStatus| status.last_event.as_ref().map(|event| event.at);
    let statuses: Vec<_> = statuses.into_iter().map(Option::unwrap_or_default).collect();
    // Projections that have come equally far lack the same event, and looking for it takes many queries.
    let places: BTreeSet<_> = statuses.iter().map(applied_at).collect();
    let next = places.into_iter().map(|place| async move {
        let next = app.events.first_event_after(&EVENT_TYPES, place).await?;
        Ok::<_, StoreError>((place, next.map(|event| event.timestamp)))
    });
    let next: BTreeMap<_, _> = try_join_all(next).await?.into_iter().collect();
    let views = names.into_iter().zip(statuses).map(|(name, status)| {
        let next = next.get(&applied_at(&status)).copied().flatten();
        view(app, name, status, next)
    });
    try_join_all(views).await
}

async fn view(
    app: &App,
    projection: &'static str,
    status: ProjectionStatus,
    next: Option<DateTime<Utc>>,
) -> Result<ProjectionView, StoreError> {
    let now = Utc::now();
    let left_at = status.left_at(now);
    let oldest = left_at.into_iter().chain(next).min();
    Ok(ProjectionView {
        projection,
        last_event: status.last_event.map(EventView::from),
        // Clocks differ: what is of the future is new.
        lag_ms: oldest.map_or(0, |at| (now - at).num_milliseconds().max(0)),
        oldest_unapplied_at: oldest.map(rfc3339_micros),
        parked: app.parked.count(projection).await?,
    })
}

impl From<EventPlace> for EventView {
    fn from(event: EventPlace) -> Self {
        Self {
            aggregate_id: event.aggregate_id,
            version: event.version,
            at: rfc3339_micros(event.at),
        }
    }
}
