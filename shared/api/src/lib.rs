//! What the functions behind the HTTP API have in common, whatever they read or write.
//!
//! | module | what it holds |
//! |---|---|
//! | [`problems`] | what is answered when a table, a version or a thing is not there |
//! | [`paging`] | lists, page by page |
//! | [`reference_lists`] | lists of products and customers |
//! | [`parameters`] | what several routes take as a query parameter |
//! | [`cursor`] | opaque, tamper-evident places in a list |
//! | [`command`] | who asks for a command, and what one answers that was not carried out |

pub mod command;
pub mod cursor;
pub mod paging;
pub mod parameters;
pub mod problems;
pub mod reference_lists;

pub use command::{metadata, precondition, put_problem, transact_problem};
pub use cursor::Cursors;
pub use paging::Paged;
pub use problems::{
    Effect, contended, customer_not_found, not_found, read_problem, store_problem, version_mismatch,
    version_not_reached, write_problem,
};
