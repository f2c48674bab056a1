//! Streams of events on one DynamoDB table: append, load, and decide again when another writer was faster.
//!
//! Generic over [`domain::Aggregate`]; it knows no orders.
//!
//! | module | what it holds |
//! |---|---|
//! | [`decider`] | the one way to run a command |
//! | `kept` | states that are kept between commands |
//! | [`keys`] | the idempotency keys that a stream has seen |
//! | [`transact`] | decide and append, with conflicts resolved |
//! | `load` | an aggregate from its events, or a snapshot and what followed |
//! | [`store`] | [`EventStore`]: append, and parts of a stream |
//! | [`stream`] | an aggregate as far as it has been read |
//! | [`by_time`] | events across aggregates in time order, over the sharded index |
//! | [`snapshot`] | the states of long streams |
//! | [`scan`] | all events, in segments |
//! | [`backup`] | all events as a file, and back |
//! | [`recorded`] | a stored event and its item in the table |
//! | `from_env` | tables and settings as a function's environment has them |
//! | [`corrupt`] | stored events that this code cannot make sense of |
//! | [`error`] | what can go wrong, kept apart by what the caller can do about it |

pub mod backup;
pub mod by_time;
pub mod corrupt;
pub mod decider;
pub mod error;
mod from_env;
mod kept;
pub mod keys;
mod load;
pub mod recorded;
pub mod scan;
pub mod snapshot;
pub mod store;
pub mod stream;
pub mod transact;

pub use corrupt::CorruptStream;
pub use decider::Decider;
pub use domain::Version;
pub use error::{AppendError, StoreError};
pub use recorded::Recorded;
pub use snapshot::{SnapshotEvery, Snapshots};
pub use store::EventStore;
pub use stream::Stream;
pub use transact::{BeforeAppend, TransactError, Transacted};
