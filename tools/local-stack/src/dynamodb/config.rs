//! The configuration that reaches a DynamoDB.

use std::collections::BTreeMap;
use std::env;

use aws_config::{ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use lambda_edge::aws;

use super::client;
use crate::names::REGION;

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

/// The configuration for an embedded DynamoDB: whatever the environment says, with credentials that mean nothing.
pub async fn local_config(endpoint: &str) -> SdkConfig {
    let http = client::without_tokens(aws::local_http());
    config(aws::defaults_over(http), endpoint, |_| false).await
}

/// The configuration for any other DynamoDB: region and credentials of the usual AWS environment where it sets them.
/// DynamoDB Local takes the dummies.
pub(crate) async fn external_config(endpoint: &str) -> SdkConfig {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    // Credentials of the environment may have to be fetched with TLS.
    let needs_no_tls =
        endpoint.starts_with("http://") && dummy_environment(endpoint, is_set).contains_key("AWS_ACCESS_KEY_ID");
    let defaults = match needs_no_tls {
        true => aws::defaults_over(aws::local_http()),
        false => aws::defaults(),
    };
    config(defaults, endpoint, is_set).await
}

/// An endpoint that is set here goes before `AWS_ENDPOINT_URL_DYNAMODB`.
async fn config(defaults: ConfigLoader, endpoint: &str, is_set: impl Fn(&str) -> bool) -> SdkConfig {
    let dummies = dummy_environment(endpoint, is_set);
    let mut loader = aws::bounded(defaults).endpoint_url(endpoint);
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
