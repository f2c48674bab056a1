//! What operators do with a running system: replays, and what is parked given once more.
//!
//! A replay computes read models again from the events, or compares them with the events, beside live traffic. One pass
//! over the events serves every read model that is replayed. It appends nothing, so nothing that the events set off
//! happens again. Rows go only forwards, so it does not matter whether a replay or a stream record comes first.
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | what is to be replayed |
//! | [`progress`] | how far a replay has come, and what it found |
//! | [`replays`] | the Replays table, which holds both between runs |
//! | [`replayer`] | replays created, and carried on |
//! | `run` | one run: its segments, batch by batch |
//! | `one_order` | what a run does with one order |
//! | [`control`] | how a replay is told to stop, is watched, and fails |
//! | `fold` | the events of a scan, order by order |
//! | [`parkers()`] | the projections and the relay, to give them once more what they have parked |
//! | [`views`] | replays and parked events as operators are shown them |

pub mod control;
mod fold;
mod one_order;
mod parkers;
pub mod plan;
pub mod progress;
pub mod replayer;
pub mod replays;
mod run;
pub mod views;

pub use control::{Observer, ReplayError, Stop};
pub use parkers::parkers;
pub use plan::{InvalidPlan, Plan, Purpose, Scope};
pub use progress::{Difference, Replay, Status};
pub use replayer::Replayer;
pub use replays::Replays;
