//! Replays: read models computed anew from the events, or compared with them, beside live traffic.
//!
//! One pass over the events serves every read model that is replayed. It appends nothing, so nothing that the events set
//! off happens again. Rows go only forwards, so it does not matter whether a replay or a stream record comes first.
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | what is to be replayed |
//! | [`progress`] | how far a replay has come, and what it found |
//! | [`replays`] | the Replays table, which holds both between runs |
//! | [`read_model`] | what a replay asks of a read model |
//! | [`replayer`] | the work itself: run, stop, go on |
//! | `fold` | the events of a scan, order by order |

mod fold;
pub mod plan;
pub mod progress;
pub mod read_model;
pub mod replayer;
pub mod replays;

pub use plan::{InvalidPlan, Plan, Purpose, Scope};
pub use progress::{Difference, Replay, Status};
pub use read_model::ReadModel;
pub use replayer::{Observer, ReplayError, Replayer, Stop};
pub use replays::Replays;
