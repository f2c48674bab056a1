//! The whole cloud in one process: the functions of a SAM template on an embedded DynamoDB.
//!
//! - [`template`]: what the template defines, and nothing beside it: the only list of tables, routes and triggers
//! - [`dynamodb`]: the embedded DynamoDB, and the template's tables on any DynamoDB
//! - `gateway`: API Gateway's HTTP API
//! - `metrics`: what `GET /metrics` shows
//! - `events`: EventBridge's buses and rules, with queues as targets
//! - `queues`: SQS, and Lambda's event source mappings of queues
//! - `streams`: Lambda's event source mappings of streams
//! - `bells`: tells triggers that a stream has new records
//! - `batches`: what both kinds of mappings have in common
//! - `filter`: the patterns of stream triggers and of rules
//! - `schedules`: invocations that only time brings about
//! - `invoke`: where functions run
//! - `listen`: the addresses at which all this is reached
//! - `stop`: the wish to stop
//! - `cause`, `start_error`: what is said of errors
//! - `names`: the account, region and ARNs of this machine
//! - [`LocalStack`]: all of it together, started with [`Options`]
//! - [`settings`]: the options that the environment asks for
//!
//! `docs/local-stack.md` lists what it does not imitate.

mod batches;
mod bells;
mod cause;
pub mod dynamodb;
mod events;
mod filter;
mod gateway;
mod invoke;
mod listen;
mod metrics;
mod names;
mod options;
mod queues;
mod schedules;
pub mod settings;
mod stack;
mod start_error;
mod stop;
mod streams;
pub mod template;

pub use invoke::merged_environment;
pub use listen::{ListenError, UnknownAddress};
pub use options::{BusFaults, Data, DynamoDb, Options};
pub use queues::DeadMessage;
pub use stack::{CaughtUpError, LocalStack};
pub use start_error::StartError;
pub use streams::FailedBatch;
