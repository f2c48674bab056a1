//! Logs: one JSON line per record in Lambda, one readable line locally. Never a payload, a name or an address.

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Logs JSON lines to standard output, where Lambda collects them.
pub fn log_json_lines() {
    // An error says that somebody logs already, which is just as well.
    let _ = tracing::subscriber::set_global_default(json_lines(std::io::stdout));
}

/// Writes each record as one line of JSON.
pub fn json_lines<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(level())
        .with_writer(writer)
        .finish()
}

/// The level that `LOG_LEVEL` asks for; `info` when it is absent or unreadable.
///
/// Libraries stay below `debug`: there the AWS SDK and the Lambda runtime log requests with their payload.
pub fn level() -> EnvFilter {
    let ours = std::env::var("LOG_LEVEL").unwrap_or_default();
    let ours = ours.parse().unwrap_or(tracing::Level::INFO);
    let libraries = ours.min(tracing::Level::INFO);
    let quiet = LIBRARIES.map(|library| format!("{library}={libraries}")).join(",");
    EnvFilter::builder().parse_lossy(format!("{ours},{quiet}"))
}

/// By the beginnings of their targets.
const LIBRARIES: [&str; 6] = ["aws", "h2", "hyper", "lambda_runtime", "reqwest", "rustls"];
