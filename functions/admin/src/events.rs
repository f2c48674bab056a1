//! Events across orders: by type, by correlation, by time.

use std::sync::Arc;

use api::{Paged, read_problem};
use chrono::{DateTime, Utc};
use domain::order::event::EVENT_TYPES;
use dynamodb::Segment;
use event_store::by_time::{END_OF_TIME, EventQuery, Place};
use lambda_edge::http::{Call, Problem, Reply};
use serde::{Deserialize, Serialize};
use views::history::EventView;

use crate::App;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    r#type: Option<String>,
    correlation_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// An event with the order that it happened to.
#[derive(Serialize)]
struct OrderEventView {
    order_id: String,
    #[serde(flatten)]
    event: EventView,
}

pub async fn query(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { filter, page } = Paged::<Filter>::of(&call)?;
    let event_types = event_types(filter.r#type.as_deref())?;
    let from = time("from", filter.from.as_deref())?;
    let to = time("to", filter.to.as_deref())?.unwrap_or(END_OF_TIME);
    if filter.correlation_id.as_deref() == Some("") {
        return Err(Problem::parameter("correlation_id", "must not be empty"));
    }
    if filter.correlation_id.is_some() && from.is_none() {
        // Everything since then is read to find it.
        return Err(Problem::parameter("from", "is required with correlation_id"));
    }
    let from = from.unwrap_or(DateTime::UNIX_EPOCH);
    if from > to {
        return Err(Problem::parameter("to", "must not be before from"));
    }
    let query = EventQuery {
        event_types,
        time: from..to.min(END_OF_TIME),
        correlation_id: filter.correlation_id.as_deref(),
        segment: Segment::WHOLE,
    };
    let filters = (&filter.r#type, from, to, &filter.correlation_id);
    let list = page.list(&app.cursors, "events", &filters)?;
    let after: Option<Place> = list.place()?;
    let found = app.events.query_events(&query, page.size(), after.as_ref()).await;
    let found = found.map_err(read_problem)?;
    let views = found.events.into_iter().map(|event| OrderEventView {
        order_id: event.aggregate_id.clone(),
        event: event.into(),
    });
    Reply::ok(&list.page(views, found.next.as_ref())?)
}

/// All types, or the one that is asked for.
fn event_types(wanted: Option<&str>) -> Result<&'static [&'static str], Problem> {
    let Some(wanted) = wanted else {
        return Ok(&EVENT_TYPES);
    };
    match EVENT_TYPES.iter().position(|event_type| *event_type == wanted) {
        Some(position) => Ok(&EVENT_TYPES[position..=position]),
        None => Err(Problem::parameter(
            "type",
            format!("must be one of {}", EVENT_TYPES.join(", ")),
        )),
    }
}

fn time(name: &'static str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, Problem> {
    let parsed = text.map(DateTime::parse_from_rfc3339).transpose();
    parsed
        .map(|time| time.map(|time| time.to_utc()))
        .map_err(|_| Problem::parameter(name, "must be a time such as 2026-11-20T12:00:00Z (a + is written %2B)"))
}
