//! What is OrderMaster's about the program `local-stack`, which runs the whole system on one machine.
//!
//! - [`functions`]: every function that this build contains
//! - [`settings`]: the options that the environment asks for
//! - [`mails`]: where customers' mails go
//! - [`banner`]: what is said of a stack that is up

pub mod banner;
pub mod functions;
pub mod mails;
pub mod settings;

use std::path::PathBuf;

use local_stack::Options;

pub use functions::FUNCTIONS;

/// Everything in memory and on free ports, as tests want it; mails are only logged.
pub fn in_memory(template: impl Into<PathBuf>) -> Options {
    Options {
        variables: mails::variables(None),
        ..Options::in_memory(template)
    }
}
