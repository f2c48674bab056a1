//! What the services say to each other: the published language, apart from the stored events.
//!
//! A message is a [CloudEvent](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) on the bus `orders`.
//! `schemas/` has a JSON Schema for the data of each type; `tests/fulfilment/published_language.rs` holds messages of
//! every type against them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`envelope`] | what every message says beside its data |
//! | [`events`] | what has happened: for everybody |
//! | [`commands`] | what the process manager asks of the services |

pub mod commands;
pub mod envelope;
pub mod events;

pub use envelope::{Body, Message, UnreadableMessage};
