//! What there is to say about any table of DynamoDB. It knows no events.
//!
//! | module | what it holds |
//! |---|---|
//! | [`client`](mod@client) | a function's client |
//! | [`error`] | what can go wrong, kept apart by what the caller can do about it |
//! | [`condition`] | writes that depend on what is there, alone and in a transaction |
//! | [`item`] | items, their size, and values in them |
//! | [`batch`] | many items, read and written |
//! | [`part`] | parts of tables: segments of a scan, and shards of a key |
//! | [`patience`] | pauses, and requests repeated while DynamoDB throttles |
//! | [`cost`] | what a call cost: requests and capacity units |

pub mod batch;
pub mod client;
pub mod condition;
pub mod cost;
pub mod error;
pub mod item;
pub mod part;
pub mod patience;

pub use batch::{batch_get, batch_get_of_tables, batch_write, delete_request, put_request};
pub use client::client;
pub use condition::{Cancelled, Refused, cancelled, put_unless_refused, unless_refused};
pub use cost::Cost;
pub use error::{Passes, TableError, cause};
pub use item::{Item, from_item, to_item};
pub use part::{Segment, shard_of};
