//! What operators do.
//!
//! | module | what it holds |
//! |---|---|
//! | `attention` | fulfilments that need an operator |
//! | `events` | events across orders: by type, by correlation, by time |
//! | `parked` | what projections have parked, and projecting it again once the cause is mended |
//! | `projections` | how far each projection has come |

mod attention;
mod events;
mod parked;
mod projections;

use std::sync::Arc;

use api::Cursors;
use aws_config::SdkConfig;
use event_store::EventStore;
use lambda_edge::deadline::Deadline;
use lambda_edge::http::{self, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use projector::{ParkedEvents, Parkers, ProjectionStatuses};
use serde_json::json;

/// What the handlers need.
pub struct App {
    events: EventStore,
    parked: ParkedEvents,
    parkers: Arc<Parkers>,
    statuses: ProjectionStatuses,
    cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let parkers = Arc::new(operations::parkers(env, dynamodb.clone(), aws)?);
    let app = App {
        events: EventStore::from_env(env, dynamodb.clone())?,
        parked: ParkedEvents::from_env(env, dynamodb.clone())?,
        parkers: parkers.clone(),
        statuses: ProjectionStatuses::from_env(env, dynamodb)?,
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()).with_schedules(each_minute(parkers)))
}

/// Gives once more what waits for newer code.
fn each_minute(parkers: Arc<Parkers>) -> Function {
    Function::new(move |event| {
        let (parkers, deadline) = (parkers.clone(), Deadline::of(&event.context));
        async move { Ok::<_, lambda_runtime::Error>(json!({ "applied": parkers.redrive_newer(deadline).await? })) }
    })
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /events", events::query)
        .on("GET /admin/attention", attention::list)
        .on("GET /admin/parked", parked::list)
        .on("POST /admin/parked/redrive", parked::redrive_page)
        .on("GET /admin/parked/{projection}/{aggregate_id}", parked::inspect)
        .on(
            "POST /admin/parked/{projection}/{aggregate_id}/redrive",
            parked::redrive_one,
        )
        .on("GET /projections", projections::list)
}
