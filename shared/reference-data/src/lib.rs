//! Reference data: what a shop sells, and to whom. Other than orders, these are kept as they are now, without a history.
//!
//! | module | what it holds |
//! |---|---|
//! | [`table`] | a table of such data: reads, pages, and puts and retirements that are conditional on a version |
//! | [`products`] | the catalogue |
//! | [`customers`] | the customers |
//! | [`look_up`](mod@look_up) | what an order needs of both |

pub mod customers;
pub mod look_up;
pub mod products;
pub mod table;

pub use customers::{Customer, CustomerView, Customers};
pub use look_up::look_up;
pub use products::{ProductView, Products};
pub use table::{PutError, Reference, Table, Versioned};
