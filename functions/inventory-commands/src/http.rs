//! One handler per route: read the request, have the store decide and append, answer.

use std::sync::Arc;

use api::parameters::check_new;
use api::{metadata, precondition, write_problem};
use chrono::Utc;
use domain::stock::{Context, Pieces, StockCommand};
use domain::text::{Sku, Stored};
use event_store::Version;
use lambda_edge::http::{Call, Problem, Reply};
use serde::Serialize;

use crate::App;
use crate::bodies;
use crate::problems::transact_problem;

/// What every command answers.
#[derive(Serialize)]
struct Accepted {
    sku: Sku,
    version: Version,
    on_hand: Pieces,
    reserved: Pieces,
    available: Pieces,
    low_stock_threshold: Pieces,
    message: &'static str,
}

pub async fn set(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::set)?;
    perform(&app, &call, command, "Stock set").await
}

pub async fn receive(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::receive)?;
    perform(&app, &call, command, "Stock received").await
}

async fn perform(app: &App, call: &Call, command: StockCommand, message: &'static str) -> Result<Reply, Problem> {
    let Stored(sku) = call.id::<Stored<Sku>>("sku")?;
    let expected = precondition(call)?;
    let metadata = metadata(call)?;
    let stock = app
        .stocks
        .stream(&sku)
        .await
        .map_err(write_problem)?
        .expecting(expected);
    if stock.version == 0 {
        check_new("sku", &sku)?;
    }
    let context = Context { now: Utc::now() };
    let executed = app.stocks.execute_on(stock, command, &context, &metadata).await;
    let transacted = executed.map_err(transact_problem)?;

    let version = transacted.stream.changed;
    let stock = transacted.stream.state.unwrap_or_default();
    let reply = Reply::ok(&Accepted {
        sku,
        version,
        on_hand: stock.on_hand,
        reserved: stock.reserved(),
        available: stock.available(),
        low_stock_threshold: stock.low_stock_threshold,
        message,
    })?;
    let reply = reply.version(version);
    Ok(if transacted.is_replay { reply.replayed() } else { reply })
}
