//! Logs: one JSON line per record in Lambda, one readable line locally. Never a payload, a name or an address.

use tracing_subscriber::EnvFilter;

/// Logs JSON lines to standard output, where Lambda collects them.
///
/// The level comes from `LOG_LEVEL`; `info` when it is absent or unreadable.
pub fn log_json_lines() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(level())
        .init();
}

/// The level that `LOG_LEVEL` asks for.
pub fn level() -> EnvFilter {
    EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .parse_lossy(std::env::var("LOG_LEVEL").unwrap_or_default())
}
