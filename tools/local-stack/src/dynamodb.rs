//! The DynamoDB, and the configuration that reaches it.
//!
//! - `config`: that configuration
//! - `embedded`: one in this process
//! - `client`: how this process reaches that one
//! - `stream_log`: what that one leaves undone for its streams
//! - `tables`: the template's tables, in any

mod client;
mod config;
mod embedded;
mod stream_log;
mod tables;

pub use config::local_config;
pub(crate) use config::{dummy_environment, external_config, streams_config};
pub(crate) use embedded::Storage;
pub use embedded::{Embedded, EmbeddedError};
pub(crate) use tables::create;
pub use tables::{TablesError, create_tables, create_tables_in};
