//! Replays read models, in as many invocations as it takes.
//!
//! Invoked directly, it writes down a replay that is requested, or says how far one has come. The stream of the Replays
//! table then invokes it to carry the replay on. When its time is nearly up it asks for the next run in the same table,
//! and so goes on by itself; when it is killed, Lambda delivers the request again, and it goes on from the last checkpoint.
//!
//! | module | what it holds |
//! |---|---|
//! | `request` | direct invocations |
//! | `runs` | what the stream asks for |

mod request;
mod runs;

use std::sync::Arc;

use aws_config::SdkConfig;
use lambda_edge::{ConfigError, Environment, Function, stream};
use lambda_runtime::LambdaEvent;
use operations::Replayer;
use serde_json::Value;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let replayer = Replayer::from_env(env, dynamodb::client(aws))?;
    let stream = stream::function(replayer.clone(), runs::carry_on);
    let replayer = Arc::new(replayer);
    let direct = Function::new(move |event: LambdaEvent<Value>| {
        let replayer = replayer.clone();
        async move { request::answer(&replayer, event.payload).await }
    });
    Ok(direct.with_records(stream))
}
