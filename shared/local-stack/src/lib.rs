//! The whole cloud in one process: template.yaml's functions on an embedded DynamoDB.
//!
//! - [`template`]: what template.yaml defines, and nothing beside it: the only list of tables, routes and triggers
//! - [`dynamodb`]: the embedded DynamoDB, and the template's tables on any DynamoDB
//! - [`functions`]: every function that this build contains
//! - `gateway`: API Gateway's HTTP API
//! - `metrics`: what `GET /metrics` shows
//! - `streams`: Lambda's event source mappings, with `filter` for their filter patterns
//! - `invoke`: where functions run
//! - `names`: the account, region and ARNs of this machine
//! - [`LocalStack`]: all of it together, started with [`Options`]
//!
//! The README lists what it does not imitate ("What the local stack does not imitate").

pub mod dynamodb;
mod filter;
pub mod functions;
mod gateway;
mod invoke;
mod metrics;
mod names;
mod options;
mod stack;
mod streams;
pub mod template;

pub use invoke::merged_environment;
pub use options::{Data, DynamoDb, Options};
pub use stack::{CaughtUpError, LocalStack, StartError};
pub use streams::FailedBatch;
