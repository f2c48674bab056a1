//! A function's client.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use measures::AWS_SDK_RETRIES;

/// A function's client for DynamoDB, which counts its retries.
pub fn client(config: &SdkConfig) -> Client {
    Client::from_conf(Builder::from(config).interceptor(CountRetries).build())
}

/// Counts attempts beyond the first of each operation.
#[derive(Debug)]
struct CountRetries;

impl Intercept for CountRetries {
    fn name(&self) -> &'static str {
        "CountRetries"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<RequestAttempts>().is_some_and(|made| made.attempts() > 1) {
            let operation = config.load::<Metadata>().map_or("unknown", Metadata::name).to_owned();
            metrics::counter!(AWS_SDK_RETRIES, "operation" => operation).increment(1);
        }
        Ok(())
    }
}
