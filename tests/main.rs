//! Tests against the embedded DynamoDB and the local stack, in one binary because linking the AWS SDK takes long.
//!
//! | module | what it shows |
//! |---|---|
//! | [`event_store`] | the promises of an append: DESIGN section 5 |
//! | [`projections`] | the promises of a projection: DESIGN section 7 |
//! | [`queues`] | messages that newer code has written, that nobody can read, and that nobody handles |
//! | [`crash_points`] | processes that are killed after any of their writes |
//! | [`replay`] | the promises of a replay: DESIGN section 7, point 5 |
//! | [`notifications`] | what customers are told, once, and by which way |
//! | [`http`] | the HTTP contract, end to end through the local stack: DESIGN section 6 |
//! | [`fulfilment`] | submitted orders: reserved, paid, shipped, or undone |
//! | [`inventory`] | stock: over HTTP, by messages, and as it is read |
//! | [`before`] | a store that older code has written |
//! | [`cli`] | the operators' tool |
//! | [`simulation`] | many clients and projections at once under injected faults, from a seed: DESIGN sections 5 and 7 |
//! | [`template`] | what stands beside template.yaml agrees with it |
//! | [`rights`] | functions ask for what their roles allow |
//! | [`payloads`] | every sample in `events/` passes through its function |
//! | [`support`] | tables, a proxy that injects faults, an HTTP client |

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail loudly too")]

mod before;
mod cli;
mod crash_points;
mod event_store;
mod fulfilment;
mod http;
mod inventory;
mod notifications;
mod payloads;
mod projections;
mod queues;
mod replay;
mod rights;
mod simulation;
mod support;
mod template;
