//! One order: as the read model has it, at least at some version, or as it was.

use std::sync::Arc;

use api::{not_found, read_problem, version_not_reached};
use chrono::{DateTime, Utc};
use domain::order::OrderId;
use event_store::{Recorded, Version};
use lambda_edge::http::{Caching, Call, Problem, Reply, whole_number};
use read_models::{OrderSummaryRow, ReadSource};
use serde::Deserialize;
use views::order_not_found;
use views::{AnyOrderView, Detail};

use crate::App;

pub async fn order(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        as_of: Option<String>,
        version: Option<String>,
        min_version: Option<String>,
        view: Option<Detail>,
    }

    let Parameters {
        as_of,
        version,
        min_version,
        view,
    } = call.query()?;
    let order_id: OrderId = call.path("order_id")?;
    let detail = view.unwrap_or(Detail::Full);
    let caching = match (&version, detail) {
        (Some(_), Detail::Compact) => Caching::Settled,
        // The customer's name may change, also that of an order as it was.
        _ => Caching::Revalidated,
    };
    let (row, source) = match (as_of, version, min_version) {
        // Any version: an order whose row is not there yet is folded from its events.
        (None, None, None) => at_least_version(&app, order_id, 1).await?,
        (Some(at), None, None) => (as_of_time(&app, order_id, time(&at)?).await?, ReadSource::Events),
        (None, Some(version), None) => {
            let version = version_number("version", &version)?;
            (at_version(&app, order_id, version).await?, ReadSource::Events)
        }
        (None, None, Some(version)) => {
            at_least_version(&app, order_id, version_number("min_version", &version)?).await?
        }
        (_, version, _) => {
            let named = if version.is_some() { "version" } else { "min_version" };
            return Err(Problem::parameter(
                named,
                "is given alone, without the other ways to say when",
            ));
        }
    };
    let row = row.ok_or_else(order_not_found)?;
    let customer = match detail {
        Detail::Full => app.customers.get(&row.order.customer_id).await.map_err(read_problem)?,
        Detail::Compact => None,
    };
    // Of everything that is shown.
    let tag = match &customer {
        Some(customer) => format!("{}-{}", row.version, customer.version),
        None => row.version.to_string(),
    };
    let reply = Reply::ok(&AnyOrderView::of(row, detail, customer))?.etag(&tag);
    Ok(reply.read_source(source.as_str()).caching(caching))
}

/// The order at `version` or later: the row, and while it is behind, the row with the events it lacks.
async fn at_least_version(
    app: &App,
    order_id: OrderId,
    version: Version,
) -> Result<(Option<OrderSummaryRow>, ReadSource), Problem> {
    match app.orders.order(order_id, version).await.map_err(read_problem)? {
        Some((order, _)) if order.version < version => Err(version_not_reached("order", order.version, version)),
        Some((order, source)) => Ok((Some(order), source)),
        None => Ok((None, ReadSource::Events)),
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, Problem> {
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc()).map_err(|_| {
        Problem::parameter(
            "as_of",
            "must be a time such as 2026-11-20T12:00:00Z (a + is written %2B)",
        )
    })
}

fn version_number(name: &'static str, text: &str) -> Result<Version, Problem> {
    match whole_number(text) {
        Some(version @ 1..) => Ok(version),
        _ => Err(Problem::parameter(name, "must be a whole number from 1")),
    }
}

/// The order as it was at a moment, with everything that happened in that very microsecond. `None` before its creation.
///
/// What happened before is what has a lower version, whatever the clocks of the writers said: the order stands at its
/// highest version that is no younger than the moment.
async fn as_of_time(app: &App, order_id: OrderId, at: DateTime<Utc>) -> Result<Option<OrderSummaryRow>, Problem> {
    let mut events = app
        .events
        .events(&order_id.to_string(), 1, None)
        .await
        .map_err(read_problem)?;
    let count = events
        .iter()
        .rposition(|event| event.timestamp <= at)
        .map_or(0, |last| last + 1);
    events.truncate(count);
    folded(order_id, None, &events)
}

/// The order as it was at a version.
async fn at_version(app: &App, order_id: OrderId, version: Version) -> Result<Option<OrderSummaryRow>, Problem> {
    let limit = usize::try_from(version).unwrap_or(usize::MAX);
    let events = app
        .events
        .events(&order_id.to_string(), 1, Some(limit))
        .await
        .map_err(read_problem)?;
    let row = folded(order_id, None, &events)?;
    match &row {
        Some(row) if row.version < version => Err(not_found(
            "version_not_found",
            format!(
                "The order is at version {}; it has no version {version} yet.",
                row.version
            ),
        )),
        _ => Ok(row),
    }
}

/// The row after `events`, which follow `row`.
fn folded(
    order_id: OrderId,
    row: Option<OrderSummaryRow>,
    events: &[Recorded],
) -> Result<Option<OrderSummaryRow>, Problem> {
    let (row, folded) = OrderSummaryRow::fold(order_id, row, events);
    folded.map_err(Problem::internal)?;
    Ok(row)
}
