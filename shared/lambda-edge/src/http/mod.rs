//! API Gateway requests ⇄ handlers.
//!
//! | module | what it holds |
//! |---|---|
//! | [`service`] | a [`Function`](crate::Function) from a route table: the whole way of a request |
//! | [`routes`] | the route table: `METHOD /path` to handler |
//! | [`call`] | a request as its handler sees it: parameters, body, headers |
//! | [`caller`] | who is calling |
//! | `coding` | codings of bodies: none is taken |
//! | [`reply`] | answers |
//! | [`problem`] | answers that are errors, after RFC 9457 |
//! | [`caching`] | who may keep an answer |
//! | `conditional` | requests that depend on what the caller has |
//! | [`idempotency`] | a caller's key for one request |
//! | [`fields`] | the fields of a body or of a query, with all that is wrong with them |
//! | `exact` | decimals read from JSON without going through a float |

pub mod caching;
pub mod call;
pub mod caller;
mod coding;
mod conditional;
mod exact;
pub mod fields;
pub mod idempotency;
pub mod problem;
pub mod reply;
pub mod routes;
pub mod service;

pub use caching::Caching;
pub use call::{Call, whole_number};
pub use caller::{Caller, LOCAL_CALLER};
pub use conditional::Tags;
pub use fields::{Field, Fields};
pub use idempotency::IdempotencyKey;
pub use lambda_http::http::StatusCode;
pub use problem::{FieldError, Problem};
pub use reply::Reply;
pub use routes::Routes;
pub use service::function;
