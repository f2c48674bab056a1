//! Fulfilments that need an operator.

use std::sync::Arc;

use api::{Paged, read_problem};
use chrono::{DateTime, Utc};
use domain::Aggregate;
use domain::fulfilment::{Fulfilment, NEEDS_ATTENTION};
use domain::order::OrderId;
use domain::time::timestamp;
use dynamodb::Segment;
use event_store::by_time::{END_OF_TIME, EventQuery, Place};
use event_store::{Recorded, StoreError};
use futures::{StreamExt, TryStreamExt, stream};
use lambda_edge::http::{Call, Problem, Reply};
use serde::Serialize;

use crate::App;

/// How many processes of a page are read at once.
const CONCURRENCY: usize = 10;

/// What an operator has to see to.
#[derive(Serialize)]
struct AttentionView {
    order_id: OrderId,
    #[serde(with = "timestamp")]
    since: DateTime<Utc>,
    code: String,
    detail: String,
}

/// What is open, the longest first: the events that say so, by their type in EventTypeIndex, and the process of each. Those
/// that are settled since are left out, so a page may be short, and is not the last one for that.
pub async fn list(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { page, .. } = Paged::of(&call, |_| Some(()))?;
    let list = page.list(&app.cursors, "attention", &())?;
    let after: Option<Place> = list.place()?;
    let query = EventQuery {
        event_types: &[NEEDS_ATTENTION],
        time: DateTime::UNIX_EPOCH..END_OF_TIME,
        correlation_id: None,
        segment: Segment::WHOLE,
    };
    let found = app.events.query_events(&query, page.size(), after.as_ref()).await;
    let found = found.map_err(read_problem)?;
    let open = stream::iter(found.events)
        .map(|event| open(app.clone(), event))
        .buffered(CONCURRENCY);
    let open: Vec<_> = open.try_collect().await.map_err(read_problem)?;
    Reply::ok(&list.page(open.into_iter().flatten(), found.next)?)
}

/// What of a process needs attention since that event, and the event's place; `None` when it is settled.
async fn open(app: Arc<App>, event: Recorded) -> Result<Option<(Place, AttentionView)>, StoreError> {
    let Some(order_id) = Fulfilment::id_of(&event.aggregate_id) else {
        return Ok(None);
    };
    let process = app.events.load::<Fulfilment>(&event.aggregate_id).await?.state;
    let attention = process.and_then(|process| process.attention);
    Ok(attention.filter(|attention| attention.is_open()).map(|attention| {
        let view = AttentionView {
            order_id,
            since: event.timestamp,
            code: attention.code,
            detail: attention.detail,
        };
        (Place::of(&event), view)
    }))
}
