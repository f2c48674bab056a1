//! Events across orders: by type, by correlation, by time.

use std::sync::Arc;

use api::parameters::Moment;
use api::{Paged, read_problem};
use chrono::{DateTime, Utc};
use domain::order::event::EVENT_TYPES;
use dynamodb::Segment;
use event_store::by_time::{END_OF_TIME, EventQuery, Place};
use lambda_edge::http::{Call, Field, Fields, Problem, Reply};
use serde::Serialize;
use views::history::EventView;

use crate::App;

/// Which events a list is of.
#[derive(Serialize)]
struct Filter {
    r#type: Option<&'static str>,
    correlation_id: Option<String>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Filter {
    fn read(query: &mut Fields) -> Option<Self> {
        let event_type = query.optional("type", |of| of.one_of(&EVENT_TYPES.map(|name| (name, name))));
        let correlation_id: Option<Option<String>> = query.optional("correlation_id", Field::text);
        let from = query.optional("from", Field::text);
        let to = query.optional("to", Field::text);
        let (correlation_id, from, to) = (correlation_id?, from?, to?);
        if correlation_id.as_deref() == Some("") {
            return query.refuse("correlation_id", "must not be empty");
        }
        if correlation_id.is_some() && from.is_none() {
            // Everything since then is read to find it.
            return query.refuse("from", "is required with correlation_id");
        }
        let from = from.map_or(DateTime::UNIX_EPOCH, |Moment(from)| from);
        let to = to.map_or(END_OF_TIME, |Moment(to)| to);
        if from > to {
            return query.refuse("to", "must not be before from");
        }
        Some(Self {
            r#type: event_type?,
            correlation_id,
            from,
            to,
        })
    }
}

/// An event with the order that it happened to.
#[derive(Serialize)]
struct OrderEventView {
    order_id: String,
    #[serde(flatten)]
    event: EventView,
}

pub async fn query(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { filter, page } = Paged::of(&call, Filter::read)?;
    let query = EventQuery {
        event_types: filter.r#type.as_ref().map_or(&EVENT_TYPES[..], std::slice::from_ref),
        time: filter.from..filter.to.min(END_OF_TIME),
        correlation_id: filter.correlation_id.as_deref(),
        segment: Segment::WHOLE,
    };
    let list = page.list(&app.cursors, "events", &filter)?;
    let after: Option<Place> = list.place()?;
    let found = app.events.query_events(&query, page.size(), after.as_ref()).await;
    let found = found.map_err(read_problem)?;
    let views = found.events.into_iter().map(|event| {
        let place = Place::of(&event);
        let order_id = event.aggregate_id.clone();
        let event = event.into();
        (place, OrderEventView { order_id, event })
    });
    Reply::ok(&list.page(views, found.next)?)
}
