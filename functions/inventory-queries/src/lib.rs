//! Queries on stock: of one SKU, of all, of those that are low.
//!
//! | module | what it holds |
//! |---|---|
//! | `history` | what happened to the stock of a SKU, and why |

mod history;

use std::sync::Arc;

use api::parameters::VersionNumber;
use api::{Cursors, Paged, not_found, read_problem, version_not_reached};
use aws_config::SdkConfig;
use domain::Aggregate;
use domain::stock::Stock;
use domain::text::{Sku, Stored};
use event_store::{EventStore, Snapshots, Version};
use lambda_edge::http::{self, Caching, Call, Field, Problem, Reply, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::stock_levels::{StockLevelRow, StockLevelView, Which};
use read_models::{ReadSource, StockLevels};

/// What the handlers need.
pub struct App {
    pub stocks: EventStore,
    pub levels: StockLevels,
    pub cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let app = App {
        stocks: EventStore::from_env(env, dynamodb.clone())?.with_snapshots(Snapshots::from_env(env)?),
        levels: StockLevels::from_env(env, dynamodb)?,
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /inventory", list)
        .on("GET /inventory/{sku}", stock)
        .on("GET /inventory/{sku}/history", history::history)
}

async fn stock(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let (Stored(sku), version) = call.query(|query| {
        let sku: Option<Stored<Sku>> = call.named(query, "sku");
        let version = query.optional("min_version", Field::text);
        sku.zip(version)
    })?;
    // Any version: a stock whose row is not there yet is folded from its events.
    let version = version.map_or(1, |VersionNumber(version)| version);
    let (row, source) = at_least(&app, &sku, version).await?;
    if row.version < version {
        return Err(version_not_reached("stock", row.version, version));
    }
    let version = row.version;
    let reply = Reply::ok(&StockLevelView::from(row))?.version(version);
    Ok(reply.read_source(source.as_str()).caching(Caching::Revalidated))
}

/// The row, if it shows `version` or a later one; otherwise the stock as its events have it, at whatever version.
async fn at_least(app: &App, sku: &Sku, version: Version) -> Result<(StockLevelRow, ReadSource), Problem> {
    let row = app.levels.get(sku).await.map_err(read_problem)?;
    if let Some(row) = row.filter(|row| row.version >= version) {
        return Ok((row, ReadSource::Projection));
    }
    let id = Stock::aggregate_id(sku);
    let stream = app.stocks.load::<Stock>(&id).await.map_err(read_problem)?;
    // A snapshot does not say when its last event was.
    let newest = app.stocks.events(&id, stream.changed.max(1), Some(1)).await;
    let newest = newest.map_err(read_problem)?.pop();
    let row = stream
        .state
        .filter(|stock| stock.is_known)
        .zip(newest)
        .map(|(stock, newest)| StockLevelRow::new(sku.clone(), stream.changed, (&stock).into(), newest.timestamp));
    let row = row.ok_or_else(sku_not_found)?;
    Ok((row, ReadSource::Events))
}

fn sku_not_found() -> Problem {
    not_found("sku_not_found", "There is no stock of this SKU.")
}

async fn list(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { filter, page } = Paged::of(&call, |query| {
        query.optional("low_stock", |low| low.one_of(&[("true", Which::Low)]))
    })?;
    let which = filter.unwrap_or(Which::All);
    let list = page.list(&app.cursors, "stocks", &(which == Which::Low))?;
    let after: Option<Sku> = list.place()?;
    // One more shows whether there is a next page.
    let rows = app.levels.page(which, page.size() + 1, after.as_ref()).await;
    let mut rows = rows.map_err(read_problem)?;
    let has_more = rows.len() > page.size();
    rows.truncate(page.size());
    let next = rows.last().filter(|_| has_more).map(|last| last.sku.clone());
    let views = rows.into_iter().map(|row| (row.sku.clone(), StockLevelView::from(row)));
    Reply::ok(&list.page(views, next)?)
}
