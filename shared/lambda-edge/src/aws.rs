//! How every function talks to AWS.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client as http_client;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::tls;

/// The configuration from the process's environment (region, role, `AWS_ENDPOINT_URL_DYNAMODB`).
pub async fn config() -> SdkConfig {
    bounded(defaults()).load().await
}

/// What every configuration begins with: the SDK's defaults, over the TLS of this process.
pub fn defaults() -> ConfigLoader {
    defaults_over(http_client::Builder::new().tls_provider(tls::OF_AWS).build_https())
}

/// The SDK's defaults over another HTTP client.
pub fn defaults_over(http: SharedHttpClient) -> ConfigLoader {
    tls::install();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http)
}

/// An HTTP client for services on this machine alone. Without TLS, whose authorities take long to read.
pub fn local_http() -> SharedHttpClient {
    http_client::Builder::new().build_http()
}

/// Adds the time limits and retries that every client here has.
///
/// The SDK has no read or operation time-out by default. These bound one operation, all its attempts together, below the
/// 10 seconds that template.yaml gives a function behind the API; what a request does altogether is bounded by its
/// deadline (see `deadline`).
pub fn bounded(loader: ConfigLoader) -> ConfigLoader {
    loader
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .read_timeout(Duration::from_secs(2))
                .operation_attempt_timeout(Duration::from_secs(2))
                .operation_timeout(Duration::from_secs(7))
                .build(),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(3))
}
