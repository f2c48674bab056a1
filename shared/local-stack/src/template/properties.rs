//! The properties of the template that matter locally, as serde reads them.
//!
//! Every struct refuses properties that it does not know: what would be imitated wrongly must not start. Properties
//! without a local meaning are named in the `…_ELSEWHERE` lists and taken out before.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Attribute, Index, KeyElement};

/// Properties of a table that cost, protect or label it, and change nothing that a client sees.
pub(super) const OF_TABLES_ELSEWHERE: &[&str] = &[
    "BillingMode",
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "ProvisionedThroughput",
    "ResourcePolicy",
    "SSESpecification",
    "TableClass",
    "Tags",
    "WarmThroughput",
];

/// Properties of an HTTP API and its routes that concern callers' rights, rates, names and logs. Locally there is no
/// authorizer: `LOCAL_CALLER` tells the functions so.
pub(super) const OF_APIS_ELSEWHERE: &[&str] = &[
    "AccessLogSettings",
    "ApiId",
    "Auth",
    "DefaultRouteSettings",
    "Description",
    "DisableExecuteApiEndpoint",
    "Domain",
    "FailOnWarnings",
    "Name",
    "RouteSettings",
    "Tags",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TableProperties {
    #[serde(rename = "TableName")]
    pub _table_name: Option<String>,
    pub attribute_definitions: Vec<Attribute>,
    pub key_schema: Vec<KeyElement>,
    #[serde(default)]
    pub global_secondary_indexes: Vec<Index>,
    pub stream_specification: Option<StreamSpecification>,
    pub time_to_live_specification: Option<TimeToLiveSpecification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StreamSpecification {
    pub stream_view_type: super::StreamView,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TimeToLiveSpecification {
    pub attribute_name: String,
    pub enabled: bool,
}

/// Of a function, or of `Globals.Function`. A function has many more properties; none of them changes what it does
/// with an event.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionProperties {
    pub timeout: Option<u64>,
    #[serde(default)]
    pub environment: EnvironmentProperty,
    #[serde(default)]
    pub events: BTreeMap<String, Event>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EnvironmentProperty {
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Event {
    pub r#type: String,
    pub properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct HttpApiEvent {
    pub method: String,
    pub path: String,
    #[serde(rename = "PayloadFormatVersion", default)]
    pub _payload_format_version: PayloadFormatVersion,
}

#[derive(Default, Deserialize)]
pub(super) enum PayloadFormatVersion {
    #[default]
    #[serde(rename = "2.0")]
    V2,
}

/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-dynamodb.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DynamoDbEvent {
    pub stream: String,
    #[serde(rename = "StartingPosition")]
    pub _starting_position: StartingPosition,
    pub batch_size: Option<usize>,
    #[serde(default)]
    pub filter_criteria: FilterCriteria,
    #[serde(default)]
    pub function_response_types: Vec<FunctionResponseType>,
    #[serde(default)]
    pub bisect_batch_on_function_error: bool,
    pub maximum_retry_attempts: Option<i64>,
    pub maximum_record_age_in_seconds: Option<i64>,
    #[serde(default)]
    pub destination_config: DestinationConfig,
}

/// `LATEST` is left out on purpose: it misses what is written while a trigger is created.
#[derive(Deserialize)]
pub(super) enum StartingPosition {
    #[serde(rename = "TRIM_HORIZON")]
    TrimHorizon,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FilterCriteria {
    #[serde(default)]
    pub filters: Vec<FilterProperty>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FilterProperty {
    pub pattern: String,
}

#[derive(Deserialize)]
pub(super) enum FunctionResponseType {
    ReportBatchItemFailures,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DestinationConfig {
    pub on_failure: Option<OnFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OnFailure {
    #[serde(rename = "Type")]
    pub _type: Option<DestinationType>,
    pub destination: String,
}

/// S3 is left out: it would get the records as well, which the local stack does not write.
#[derive(Deserialize)]
pub(super) enum DestinationType {
    #[serde(rename = "SQS")]
    Sqs,
    #[serde(rename = "SNS")]
    Sns,
}
