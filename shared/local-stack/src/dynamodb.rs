//! The embedded DynamoDB, the configuration that reaches it, and the template's tables.

use std::env;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::invoke::cause_chain;

mod tables;

pub use tables::{TablesError, create_tables};

const REGION: &str = "us-east-1";
const ACCESS_KEY_ID: &str = "local";
const SECRET_ACCESS_KEY: &str = "local";

/// The variables of a process that talks to an emulator: a region, and credentials that mean nothing.
pub const DUMMY_ENVIRONMENT: [(&str, &str); 3] = [
    ("AWS_REGION", REGION),
    ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
];

/// How long a shutdown waits for requests that a client does not finish sending.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// A DynamoDB in this process, until it is stopped or dropped.
#[derive(Debug)]
pub struct Embedded {
    endpoint: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

/// Where an embedded DynamoDB keeps its items.
#[derive(Debug, Clone, Copy)]
pub enum Storage<'a> {
    Memory,
    File(&'a Path),
}

/// The embedded DynamoDB cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("cannot open the DynamoDB data {path}: {reason}")]
    Data { path: String, reason: String },
    #[error("cannot listen for DynamoDB requests: {0}")]
    Listen(#[from] std::io::Error),
}

impl Embedded {
    /// An empty DynamoDB in memory, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`EmbeddedError`] when no port is free.
    pub async fn memory() -> Result<Self, EmbeddedError> {
        Self::serve(TcpListener::bind(("127.0.0.1", 0)).await?, Storage::Memory)
    }

    /// Serves DynamoDB's API on a listener. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the file cannot be opened.
    pub fn serve(listener: TcpListener, storage: Storage<'_>) -> Result<Self, EmbeddedError> {
        let (path, database) = match storage {
            Storage::Memory => ("in memory".to_owned(), Database::memory()),
            Storage::File(path) => {
                let path = path.display().to_string();
                let database = Database::new(&path);
                (path, database)
            }
        };
        let database = database.map_err(|error| {
            let reason = error.to_string();
            // What follows the first sentence advises those who encrypt their data.
            let reason = reason
                .split_once(". ")
                .map_or(reason.as_str(), |(first, _)| first)
                .to_owned();
            EmbeddedError::Data { path, reason }
        })?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        // A sender that was dropped stops it too.
        let shutdown = async { stopped.await.unwrap_or_default() };
        let server = tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, shutdown));
        Ok(Self { endpoint, stop, server })
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A client for it.
    pub async fn client(&self) -> Client {
        Client::new(&local_config(&self.endpoint).await)
    }

    /// Ends the running requests, then closes the data.
    pub async fn stop(mut self) {
        // The receiver is gone only when the server has ended already.
        let _ = self.stop.send(());
        match tokio::time::timeout(SHUTDOWN_LIMIT, &mut self.server).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(reason))) => tracing::error!(%reason, "the embedded DynamoDB failed"),
            Ok(Err(error)) => tracing::error!(%error, "the embedded DynamoDB failed"),
            Err(_) => self.server.abort(),
        }
    }
}

/// The configuration for an embedded DynamoDB, with credentials that mean nothing.
pub async fn local_config(endpoint: &str) -> SdkConfig {
    lambda_edge::aws::bounded(aws_config::defaults(BehaviorVersion::latest()))
        .region(Region::from_static(REGION))
        .credentials_provider(dummy_credentials())
        .endpoint_url(endpoint)
        .load()
        .await
}

/// The configuration for any other DynamoDB: region and credentials of the usual AWS environment where it sets them.
/// DynamoDB Local takes the dummies.
pub async fn external_config(endpoint: &str) -> SdkConfig {
    let is_set = |names: &[&str]| names.iter().any(|name| env::var_os(name).is_some());
    let mut loader = lambda_edge::aws::bounded(aws_config::defaults(BehaviorVersion::latest())).endpoint_url(endpoint);
    if !is_set(&["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"]) {
        loader = loader.region(Region::from_static(REGION));
    }
    if !is_set(&["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"]) {
        loader = loader.credentials_provider(dummy_credentials());
    }
    loader.load().await
}

/// In AWS, streams have an endpoint of their own; emulators serve them on the same.
/// <https://docs.aws.amazon.com/general/latest/gr/ddb.html>
pub(crate) fn streams_config(config: &SdkConfig) -> SdkConfig {
    match config
        .endpoint_url()
        .filter(|url| url.trim_end_matches('/').ends_with(".amazonaws.com"))
    {
        Some(url) => {
            let url = url.replacen("://dynamodb.", "://streams.dynamodb.", 1);
            config.to_builder().endpoint_url(url).build()
        }
        None => config.clone(),
    }
}

/// What DynamoDB said, or why it said nothing. An SDK error's own text leaves the first out.
pub(crate) fn sdk_cause<E>(error: &SdkError<E>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => cause_chain(error),
    }
}

fn dummy_credentials() -> Credentials {
    Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_aws_has_an_endpoint_of_its_own_for_streams() {
        let endpoint = async |url: &str| {
            let config = streams_config(&local_config(url).await);
            config.endpoint_url().map(ToOwned::to_owned)
        };
        assert_eq!(
            endpoint("https://dynamodb.eu-west-1.amazonaws.com").await.as_deref(),
            Some("https://streams.dynamodb.eu-west-1.amazonaws.com")
        );
        assert_eq!(
            endpoint("http://dynamodb.local:8000").await.as_deref(),
            Some("http://dynamodb.local:8000")
        );
    }
}
