//! Streams of events on one DynamoDB table: append, load, and decide again when another writer was faster.
//!
//! Generic over [`domain::Aggregate`]; it knows no orders.
//!
//! | module | what it holds |
//! |---|---|
//! | [`store`] | [`EventStore`]: load, append, pages of a stream |
//! | [`transact`] | load–decide–append, with conflicts resolved |
//! | [`by_time`] | events across aggregates in time order, over the sharded index |
//! | [`snapshot`] | the states of long streams |
//! | [`scan`] | all events, in segments |
//! | [`batch`] | items read by their keys |
//! | [`backup`] | all events as a file, and back |
//! | [`patience`] | requests repeated while DynamoDB throttles |
//! | [`recorded`] | a stored event and its item in the table |
//! | `from_env` | both tables as a function's environment names them |
//! | [`cost`] | what a call cost: requests and capacity units |
//! | [`error`] | what can go wrong, kept apart by what the caller can do about it |

pub mod backup;
pub mod batch;
pub mod by_time;
pub mod cost;
pub mod error;
mod from_env;
pub mod patience;
pub mod recorded;
pub mod scan;
pub mod snapshot;
pub mod store;
pub mod transact;

pub use cost::Cost;
pub use error::{AppendError, Cancelled, CorruptStream, StoreError, cancelled, cause};
pub use recorded::Recorded;
pub use snapshot::{SnapshotEvery, Snapshots};
pub use store::{EventStore, Stream};
pub use transact::{TransactError, Transacted};

/// The number of an event in its stream: 1, 2, 3 … without gaps. 0 is the version of a stream without events.
pub type Version = u64;
