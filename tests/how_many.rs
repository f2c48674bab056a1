//! How much a benchmark is asked to do.

use environment::{Environment, Variable};

/// The number in a variable, which is at least `least`; `expected` says so. Another value, or a variable that is only
/// misspelt, ends the process with a sentence.
pub fn how_many(variable: &Variable, least: u64, expected: &'static str) -> u64 {
    let env = Environment::of_process();
    let number = env.check_names([variable.name]).and_then(|()| {
        let number = variable.parsed(&env, expected)?;
        if number >= least {
            Ok(number)
        } else {
            Err(variable.invalid(&env, expected))
        }
    });
    number.unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2)
    })
}
