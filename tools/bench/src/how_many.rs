//! How much a benchmark is asked to do.

use environment::{Environment, Variable};

/// What the Makefile hands on for other targets.
const OF_OTHERS: [&str; 2] = ["EVENT", "ORDER"];

/// The whole number in a variable. Another value, one below `least`, or a variable that is only misspelt ends the process with a
/// sentence.
pub fn how_many(variable: &Variable, least: u64) -> u64 {
    let env = Environment::of_process();
    let refused = |sentence: String| -> ! {
        eprintln!("{sentence}");
        std::process::exit(2)
    };
    if let Err(error) = env.check_names([variable.name], &OF_OTHERS) {
        refused(error.to_string());
    }
    let value = variable.value(&env);
    match value.parse() {
        Ok(number) if number >= least => number,
        _ => refused(format!(
            "the environment variable {} is `{value}`, which is not a whole number from {least}",
            variable.name
        )),
    }
}
