//! EventBridge: the template's event buses, whose rules put events into queues.
//!
//! - `bus`: what is running, and the faults that tests ask for
//! - `endpoint`: EventBridge's API
//! - `rules`: from an entry to an event, and to the queues that get it

mod bus;
mod endpoint;
mod rules;

pub(crate) use bus::Bus;
pub(crate) use endpoint::serve;
