//! OrderSearch: orders found by the words in them.
//!
//! An inverted index. Each beginning of each word of an order is a term, and in scripts without spaces each two letters are. Under
//! each term there is a posting, at the place of the order in time. Beside the postings each order has a row that says which
//! terms it has, so that those which no longer apply can be removed.
//!
//! | module | what it holds |
//! |---|---|
//! | [`words`] | the words of an order and of what is searched for, and the terms that they are found by |
//! | `letters` | letters as they are compared |
//! | `terms` | the terms of an order, as its row keeps them |
//! | [`index`] | the table: rows and postings, and how they change |
//! | [`query`] | orders found by a text |
//! | `read_model` | what a replay asks |

pub mod index;
mod letters;
pub mod query;
mod read_model;
mod terms;
pub mod words;

pub use index::{OrderSearch, OrderSearchIndex};
pub use query::{OrderSearchQueries, SearchPage};
pub use words::{SearchText, SearchTextError};
