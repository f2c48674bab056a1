//! The properties of the template that matter locally, as serde reads them.
//!
//! Every struct refuses properties that it does not know: what would be imitated wrongly must not start. Properties
//! without a local meaning are named in the `…_ELSEWHERE` lists and taken out before.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::model::{Attribute, Index, KeyElement, StreamView};

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

/// Properties of a queue that protect or label it, bound how long it keeps a message (locally for ever), or say how to
/// wait for one.
pub(super) const OF_QUEUES_ELSEWHERE: &[&str] = &[
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "Tags",
];

/// Properties of an event bus that protect, label or log it.
pub(super) const OF_BUSES_ELSEWHERE: &[&str] = &["Description", "KmsKeyIdentifier", "LogConfig", "Policy", "Tags"];

/// Properties of a rule that label it or concern rights.
pub(super) const OF_RULES_ELSEWHERE: &[&str] = &["Description", "Name", "RoleArn", "Tags"];

/// Properties of a schedule that name it, concern rights and keys, or spread its firings over some time.
pub(super) const OF_SCHEDULES_ELSEWHERE: &[&str] = &[
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "OmitName",
    "PermissionsBoundary",
    "RoleArn",
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
    pub stream_view_type: StreamView,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TimeToLiveSpecification {
    pub attribute_name: String,
    pub enabled: bool,
}

/// The properties of a function, or of `Globals.Function`. A function has many more properties; none of them changes what it does
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

/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-sqs.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SqsEvent {
    pub queue: String,
    pub batch_size: Option<usize>,
    #[serde(default)]
    pub function_response_types: Vec<FunctionResponseType>,
    #[serde(default)]
    pub scaling_config: ScalingConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScalingConfig {
    pub maximum_concurrency: Option<usize>,
}

/// A schedule: the types `Schedule` and `ScheduleV2`, which name the expression differently.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-schedule.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleEvent {
    #[serde(alias = "ScheduleExpression")]
    pub schedule: String,
    #[serde(default)]
    pub state: State,
    #[serde(rename = "RetryPolicy")]
    pub _retry_policy: Option<RetryPolicy>,
    #[serde(rename = "DeadLetterConfig")]
    pub _dead_letter_config: Option<DeadLetterConfig>,
}

#[derive(Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum State {
    #[default]
    Enabled,
    Disabled,
}

/// How long EventBridge tries to hand over to a target that cannot be had; locally it always can.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RetryPolicy {
    #[serde(rename = "MaximumRetryAttempts")]
    pub _maximum_retry_attempts: Option<u32>,
    #[serde(rename = "MaximumEventAgeInSeconds")]
    pub _maximum_event_age_in_seconds: Option<u32>,
}

/// Where EventBridge puts what it could not hand over.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeadLetterConfig {
    pub arn: Option<String>,
    #[serde(rename = "Type")]
    pub _type: Option<DestinationType>,
    #[serde(rename = "QueueLogicalId")]
    pub _queue_logical_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BusProperties {
    #[serde(rename = "Name")]
    pub _name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct QueueProperties {
    #[serde(rename = "QueueName")]
    pub _queue_name: Option<String>,
    pub visibility_timeout: Option<u64>,
    pub redrive_policy: Option<RedrivePolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RedrivePolicy {
    pub dead_letter_target_arn: String,
    pub max_receive_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RuleProperties {
    pub event_bus_name: String,
    #[serde(default)]
    pub state: State,
    pub event_pattern: Value,
    pub targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Target {
    #[serde(rename = "Id")]
    pub _id: String,
    pub arn: String,
    #[serde(rename = "RetryPolicy")]
    pub _retry_policy: Option<RetryPolicy>,
    pub dead_letter_config: Option<DeadLetterConfig>,
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
