//! The embedded DynamoDB, the configuration that reaches it, and the template's tables.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use dynoxide::Database;
use futures::FutureExt;
use futures::future::{TryFutureExt, try_join_all};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::invoke::cause_chain;
use crate::listen::{ListenError, Listeners};
use crate::names::REGION;

mod tables;

pub(crate) use tables::create;
pub use tables::{TablesError, create_tables};

const ACCESS_KEY_ID: &str = "local";
const SECRET_ACCESS_KEY: &str = "local";

/// The variables with which a process talks to an emulator, as far as its environment leaves them open: a region, and
/// credentials that mean nothing. AWS never gets any of them, so that its own chain (files, roles) decides.
pub(crate) fn dummy_environment(endpoint: &str, is_set: impl Fn(&str) -> bool) -> BTreeMap<&'static str, &'static str> {
    let mut dummies = BTreeMap::new();
    if is_aws(endpoint) {
        return dummies;
    }
    if !["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"]
        .into_iter()
        .any(&is_set)
    {
        dummies.insert("AWS_REGION", REGION);
    }
    if !["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"]
        .into_iter()
        .any(is_set)
    {
        dummies.insert("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID);
        dummies.insert("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
    }
    dummies
}

fn is_aws(endpoint: &str) -> bool {
    let url = reqwest::Url::parse(endpoint).ok();
    url.is_some_and(|url| url.host_str().is_some_and(|host| host.ends_with(".amazonaws.com")))
}

/// How long a shutdown waits for requests that a client does not finish sending.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// A DynamoDB in this process, until it is stopped or dropped.
#[derive(Debug)]
pub struct Embedded {
    endpoint: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

/// Where an embedded DynamoDB keeps its items.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Storage<'a> {
    Memory,
    File(&'a Path),
}

/// The embedded DynamoDB cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("cannot open the DynamoDB data {path}: {reason}")]
    Data { path: String, reason: String },
    #[error("cannot listen for DynamoDB requests on {0}")]
    Listen(#[from] ListenError),
}

impl Embedded {
    /// An empty DynamoDB in memory, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`EmbeddedError`] when no port is free.
    pub async fn memory() -> Result<Self, EmbeddedError> {
        Self::serve(Listeners::local().await?, Storage::Memory)
    }

    /// Serves DynamoDB's API. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the file cannot be opened.
    pub(crate) fn serve(listeners: Listeners, storage: Storage<'_>) -> Result<Self, EmbeddedError> {
        let (path, database) = match storage {
            Storage::Memory => (
                "in memory".to_owned(),
                Database::memory().map_err(|error| error.to_string()),
            ),
            Storage::File(path) => {
                let path = path.display().to_string();
                let database =
                    is_writable(&path).and_then(|()| Database::new(&path).map_err(|error| error.to_string()));
                (path, database)
            }
        };
        let database = database.map_err(|reason| {
            // What follows the first sentence advises those who encrypt their data.
            let reason = reason
                .split_once(". ")
                .map_or(reason.as_str(), |(first, _)| first)
                .to_owned();
            EmbeddedError::Data { path, reason }
        })?;
        let endpoint = listeners.url();
        let (stop, stopped) = oneshot::channel::<()>();
        // A sender that was dropped stops it too.
        let stopped = stopped.map(|_| ()).shared();
        let servers = listeners
            .into_iter()
            .map(|listener| dynoxide::server::serve_with_shutdown(listener, database.clone(), stopped.clone()));
        let server = tokio::spawn(try_join_all(servers).map_ok(drop));
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

/// SQLite would open a file that cannot be written, and refuse the first write.
fn is_writable(path: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    file.map(|_| ()).map_err(|error| error.to_string())
}

/// The configuration for an embedded DynamoDB: whatever the environment says, with credentials that mean nothing.
pub async fn local_config(endpoint: &str) -> SdkConfig {
    config(endpoint, |_| false).await
}

/// The configuration for any other DynamoDB: region and credentials of the usual AWS environment where it sets them.
/// DynamoDB Local takes the dummies.
pub(crate) async fn external_config(endpoint: &str) -> SdkConfig {
    config(endpoint, |name| {
        env::var_os(name).is_some_and(|value| !value.is_empty())
    })
    .await
}

/// An endpoint that is set here goes before `AWS_ENDPOINT_URL_DYNAMODB`.
async fn config(endpoint: &str, is_set: impl Fn(&str) -> bool) -> SdkConfig {
    let dummies = dummy_environment(endpoint, is_set);
    let mut loader = lambda_edge::aws::bounded(aws_config::defaults(BehaviorVersion::latest())).endpoint_url(endpoint);
    if let Some(region) = dummies.get("AWS_REGION") {
        loader = loader.region(Region::from_static(region));
    }
    if dummies.contains_key("AWS_ACCESS_KEY_ID") {
        loader = loader.credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "local"));
    }
    loader.load().await
}

/// In AWS, streams have an endpoint of their own; emulators serve them on the same.
/// <https://docs.aws.amazon.com/general/latest/gr/ddb.html>
pub(crate) fn streams_config(config: &SdkConfig) -> SdkConfig {
    match config.endpoint_url().filter(|url| is_aws(url)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: &str = "https://dynamodb.eu-west-1.amazonaws.com/";
    const EMULATOR: &str = "http://dynamodb.local:8000";

    #[test]
    fn only_aws_has_an_endpoint_of_its_own_for_streams() {
        let endpoint = |url: &str| {
            let config = streams_config(&SdkConfig::builder().endpoint_url(url).build());
            config.endpoint_url().map(ToOwned::to_owned)
        };
        let streams = "https://streams.dynamodb.eu-west-1.amazonaws.com/";
        assert_eq!(endpoint(AWS).as_deref(), Some(streams));
        assert_eq!(endpoint(EMULATOR).as_deref(), Some(EMULATOR));
    }

    #[test]
    fn dummies_stand_in_for_what_the_environment_leaves_open_and_never_for_aws() {
        let dummies = |endpoint, set: &[&str]| {
            let dummies = dummy_environment(endpoint, |name| set.contains(&name));
            dummies.into_keys().collect::<Vec<_>>().join(" ")
        };
        let all = "AWS_ACCESS_KEY_ID AWS_REGION AWS_SECRET_ACCESS_KEY";
        let credentials = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY";
        assert_eq!(dummies(EMULATOR, &[]), all);
        assert_eq!(dummies(EMULATOR, &["AWS_DEFAULT_REGION"]), credentials);
        assert_eq!(dummies(EMULATOR, &["AWS_ACCESS_KEY_ID"]), "AWS_REGION");
        assert_eq!(dummies(EMULATOR, &["AWS_PROFILE"]), "");
        assert_eq!(dummies(AWS, &[]), "");
    }

    #[tokio::test]
    async fn the_embedded_dynamodb_has_a_region_and_credentials_of_its_own() {
        let config = local_config(EMULATOR).await;
        assert_eq!(config.region().map(Region::as_ref), Some(REGION));
        assert!(config.credentials_provider().is_some());
    }
}
