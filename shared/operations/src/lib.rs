//! What operators do with a running system: replays, and what is parked given once more.
//!
//! A replay computes read models anew from the events, or compares them with the events, beside live traffic. One pass
//! over the events serves every read model that is replayed. It appends nothing, so nothing that the events set off
//! happens again. Rows go only forwards, so it does not matter whether a replay or a stream record comes first.
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | what is to be replayed |
//! | [`progress`] | how far a replay has come, and what it found |
//! | [`replays`] | the Replays table, which holds both between runs |
//! | [`replayer`] | the work itself: run, stop, go on |
//! | `fold` | the events of a scan, order by order |
//! | [`parkers()`] | the projections and the relay, to give them once more what they have parked |
//! | [`views`] | replays and parked events as operators are shown them |

mod fold;
mod parkers;
pub mod plan;
pub mod progress;
pub mod replayer;
pub mod replays;
pub mod views;

pub use parkers::parkers;
pub use plan::{InvalidPlan, Plan, Purpose, Scope};
pub use progress::{Difference, Replay, Status};
pub use replayer::{Observer, ReplayError, Replayer, Stop};
pub use replays::Replays;
