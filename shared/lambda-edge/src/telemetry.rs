//! Logs: one JSON line per record in Lambda, one readable line locally. Never a payload, a name or an address.

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;

use crate::{ConfigError, Environment};

/// Logs JSON lines to standard output, where Lambda collects them.
///
/// A `LOG_LEVEL` that means nothing is told by the first line: whether orders are taken must not hang on how much is logged.
pub fn log_json_lines(env: &Environment) {
    let level = level(env);
    // An error says that somebody logs already, which is just as well.
    let _ = tracing::subscriber::set_global_default(json_lines(std::io::stdout, *level.as_ref().unwrap_or(&DEFAULT)));
    if let Err(error) = level {
        tracing::warn!(%error, "logging at level info");
    }
}

/// Writes each record as one line of JSON.
pub fn json_lines<W>(writer: W, level: Level) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(lines).with(filter(level))
}

/// The level that `LOG_LEVEL` asks for; `info` when it is not set.
///
/// # Errors
/// [`ConfigError::Invalid`] when there is no such level.
pub fn level(env: &Environment) -> Result<Level, ConfigError> {
    match env.non_empty(LOG_LEVEL) {
        Some(_) => env.parsed(LOG_LEVEL, "one of error, warn, info, debug and trace"),
        None => Ok(DEFAULT),
    }
}

/// What is logged at a level.
///
/// Libraries stay below `debug`: there the AWS SDK and the Lambda runtime log requests with their payload.
pub fn filter(level: Level) -> Targets {
    let libraries = level.min(Level::INFO);
    Targets::new()
        .with_default(level)
        .with_targets(LIBRARIES.map(|library| (library, libraries)))
}

pub const LOG_LEVEL: &str = "LOG_LEVEL";

const DEFAULT: Level = Level::INFO;

/// Libraries, by the beginnings of their log targets.
const LIBRARIES: [&str; 6] = ["aws", "h2", "hyper", "lambda_runtime", "reqwest", "rustls"];

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(value: &str) -> Result<Level, ConfigError> {
        level(&Environment::from_iter([(LOG_LEVEL.to_owned(), value.to_owned())]))
    }

    #[test]
    fn a_level_that_means_nothing_is_an_error_that_names_the_others() {
        assert_eq!(level(&Environment::default()), Ok(Level::INFO));
        assert_eq!(level_of(""), Ok(Level::INFO));
        assert_eq!(level_of("debug"), Ok(Level::DEBUG));
        assert_eq!(level_of("WARN"), Ok(Level::WARN));
        assert_eq!(
            level_of("loud").expect_err("no level").to_string(),
            "the environment variable LOG_LEVEL is `loud`, which is not one of error, warn, info, debug and trace"
        );
    }
}
