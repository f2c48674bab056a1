//! Consumers of DynamoDB streams: what projections and the relay do alike with a batch.
//!
//! | module | what it holds |
//! |---|---|
//! | [`consumer`] | the trait of those who read a stream: what they are given, and how it may fail |
//! | [`batch`] | the records of a batch: grouped, applied, parked, reported |
//! | [`parked`] | what could not be applied, with the reason |
//! | [`status`] | how far each consumer has come |
//! | [`redrive`] | what is parked, given once more to who parked it |

pub mod batch;
pub mod consumer;
pub mod parked;
pub mod redrive;
pub mod status;

pub use batch::function;
pub use consumer::{ProjectError, StreamConsumer};
pub use parked::{Parked, ParkedEvents};
pub use redrive::{Parkers, Parks, Redriven};
pub use status::ProjectionStatuses;
