//! The edge between AWS Lambda and our code: events in, answers out, and nothing about orders.
//!
//! | module | what it holds |
//! |---|---|
//! | [`function`] | JSON in, JSON out: what the Lambda runtime and the local stack call |
//! | [`http`] | API Gateway requests ⇄ handlers: routes, bodies, callers, problems, cursors |
//! | [`stream`] | DynamoDB stream batches, with partial batch responses |
//! | [`aws`] | time limits and retries of the SDK clients |
//! | `emf` | what is counted and timed, as CloudWatch has it, in Lambda |
//! | `deadline` | how long an invocation may take |
//! | [`telemetry`] | logs |
//! | [`tls`] | the TLS library of a process |

pub mod aws;
pub mod deadline;
mod emf;
pub mod function;
pub mod http;
pub mod stream;
pub mod telemetry;
pub mod tls;

pub use environment::{ConfigError, Environment};
pub use function::{Constructor, Function, run};
pub use lambda_runtime::Error;
