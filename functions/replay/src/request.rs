//! Direct invocations: request a replay, or ask how far one has come.

use chrono::{DateTime, Utc};
use domain::order::OrderId;
use lambda_runtime::Error;
use operations::views::ReplayView;
use operations::{Plan, Purpose, ReplayError, Replayer, Scope, Status};
use serde::Deserialize;
use serde_json::Value;

/// `{"replay_id": …}` asks about a replay; everything else requests one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    replay_id: Option<String>,
    purpose: Option<Purpose>,
    /// All, when absent.
    read_models: Option<Vec<String>>,
    since: Option<DateTime<Utc>>,
    order_id: Option<OrderId>,
    segments: Option<u32>,
    batch: Option<usize>,
}

/// # Errors
/// A sentence for whoever invoked the function.
pub async fn answer(replayer: &Replayer, payload: Value) -> Result<Value, Error> {
    let request: Request = serde_json::from_value(payload).map_err(|error| format!("not a request: {error}"))?;
    let replay = match request.replay_id {
        Some(replay_id) => {
            let found = replayer.replays().get(&replay_id).await?;
            found.ok_or(ReplayError::Unknown(replay_id))?
        }
        None => replayer.create(plan(replayer, request)?, Status::Requested).await?,
    };
    Ok(serde_json::to_value(ReplayView::from(replay))?)
}

fn plan(replayer: &Replayer, request: Request) -> Result<Plan, Error> {
    let scope = match (request.since, request.order_id) {
        (None, None) => Scope::Everything,
        (Some(since), None) => Scope::Since(since),
        (None, Some(order_id)) => Scope::Order(order_id),
        (Some(_), Some(_)) => return Err("since and order_id exclude each other".into()),
    };
    let all = Plan::new(
        request.purpose.unwrap_or(Purpose::Rebuild),
        scope,
        &replayer.read_models(),
    );
    Ok(Plan {
        read_models: request.read_models.unwrap_or(all.read_models),
        segments: request.segments.unwrap_or(all.segments),
        batch: request.batch.unwrap_or(all.batch),
        ..all
    })
}
