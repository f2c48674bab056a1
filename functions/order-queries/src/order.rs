//! One order: as the read model has it, at least at some version, or as it was.

use std::sync::Arc;

use api::parameters::{Moment, VersionNumber};
use api::{not_found, read_problem, version_not_reached};
use chrono::{DateTime, Utc};
use domain::order::OrderId;
use event_store::{Recorded, Version};
use lambda_edge::http::{Caching, Call, Field, Problem, Reply};
use read_models::{OrderSummaryRow, ReadSource};
use views::order_not_found;
use views::{AnyOrderView, Detail};

use crate::App;

/// When, or since when.
#[derive(Clone, Copy)]
enum At {
    Time(DateTime<Utc>),
    Version(Version),
    Least(Version),
}

pub async fn order(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let (at, view) = call.query(|query| {
        let as_of = query
            .optional("as_of", Field::text)
            .map(|at| at.map(|Moment(at)| At::Time(at)));
        let version = query
            .optional("version", Field::text)
            .map(|at| at.map(|VersionNumber(at)| At::Version(at)));
        let at_least = query
            .optional("min_version", Field::text)
            .map(|at| at.map(|VersionNumber(at)| At::Least(at)));
        let view = Detail::read(query);
        let ways: Vec<_> = [as_of?, version?, at_least?].into_iter().flatten().collect();
        match ways[..] {
            // Any version: an order whose row is not there yet is folded from its events.
            [] => Some((At::Least(1), view?)),
            [at] => Some((at, view?)),
            _ => {
                let named = if query.has("version") { "version" } else { "min_version" };
                query.refuse(named, "is given alone, without the other ways to say when")
            }
        }
    })?;
    let order_id: OrderId = call.path("order_id")?;
    let detail = view.unwrap_or(Detail::Full);
    let caching = match (at, detail) {
        (At::Version(_), Detail::Compact) => Caching::Settled,
        // The customer's name may change, also that of an order as it was.
        _ => Caching::Revalidated,
    };
    let (row, source) = match at {
        At::Time(at) => (as_of_time(&app, order_id, at).await?, ReadSource::Events),
        At::Version(version) => (at_version(&app, order_id, version).await?, ReadSource::Events),
        At::Least(version) => at_least_version(&app, order_id, version).await?,
    };
    let row = row.ok_or_else(order_not_found)?;
    let customer = match detail {
        Detail::Full => app
            .customers
            .get(&row.order.terms.customer_id)
            .await
            .map_err(read_problem)?,
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

/// The order as it was at a version. One that changed nothing leaves it at that of the change before.
async fn at_version(app: &App, order_id: OrderId, version: Version) -> Result<Option<OrderSummaryRow>, Problem> {
    let limit = usize::try_from(version).unwrap_or(usize::MAX);
    let events = app
        .events
        .events(&order_id.to_string(), 1, Some(limit))
        .await
        .map_err(read_problem)?;
    let row = folded(order_id, None, &events)?;
    match &row {
        Some(row) if events.len() < limit => Err(not_found(
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
