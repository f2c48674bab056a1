//! What an operator settles.

use std::sync::Arc;

use api::{metadata, not_found, precondition, transact_problem, write_problem};
use domain::fulfilment::{FulfilmentError, Input};
use domain::order::OrderId;
use event_store::Version;
use lambda_edge::http::{Call, Field, Problem, Reply, StatusCode};
use serde::Serialize;

use crate::App;

#[derive(Serialize)]
struct Settled {
    order_id: OrderId,
    /// The version of the process, not of the order.
    version: Version,
    message: &'static str,
}

/// What needed attention is seen to: the process goes on without it.
pub async fn settle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let order_id: OrderId = call.path("order_id")?;
    let reason = call.body(|body| body.required("reason", Field::text))?;
    let expected = precondition(&call)?;
    let metadata = metadata(&call)?;
    let process = app.processes.stream(&order_id).await.map_err(write_problem)?;
    let told = app
        .tell(
            order_id,
            process.expecting(expected),
            Input::Settle { reason },
            &metadata,
        )
        .await;
    let too_large = |bytes, limit| Problem::internal(format!("an event has {bytes} bytes, of at most {limit}"));
    let told = told.map_err(|error| transact_problem(error, "fulfilment", refusal_problem, too_large))?;
    let version = told.stream.changed;
    let reply = Reply::ok(&Settled {
        order_id,
        version,
        message: "Settled",
    })?
    .version(version);
    Ok(if told.is_replay { reply.replayed() } else { reply })
}

fn refusal_problem(refusal: FulfilmentError) -> Problem {
    match refusal {
        FulfilmentError::NotFound => not_found("fulfilment_not_found", "There is no fulfilment of such an order."),
        FulfilmentError::NothingToSettle => Problem::new(
            StatusCode::CONFLICT,
            "nothing_to_settle",
            "Nothing of the fulfilment needs attention, or it was settled for another reason.",
        ),
    }
}
