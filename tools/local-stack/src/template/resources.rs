//! Reads what one resource's properties mean locally.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::error::Problem;
use super::intrinsics::{self, At, Resolver, scalar_text};
use super::messaging;
use super::model::{Cors, FunctionDefinition, Route, StreamTrigger, Table};
use super::properties::{
    DynamoDbEvent, Event, FunctionProperties, HttpApiEvent, OF_APIS_ELSEWHERE, OF_TABLES_ELSEWHERE, TableProperties,
};
use super::read::{read, shape, without};
use crate::filter::Filter;
use crate::names::table_of_stream;

/// Lambda's default `Timeout`, and its bounds.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
const DEFAULT_TIMEOUT_SECONDS: u64 = 3;
const MAX_TIMEOUT_SECONDS: u64 = 900;

/// Defaults and bounds of a stream trigger.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html>
const DEFAULT_BATCH_SIZE: usize = 100;
const MAX_BATCH_SIZE: usize = 10_000;
const MAX_RETRY_ATTEMPTS: u32 = 10_000;
const MAX_RECORD_AGE_SECONDS: u64 = 604_800;

pub(super) fn table(resolver: &Resolver, id: &str, resource: &Value) -> Result<Table, At> {
    let properties: TableProperties = read(resolver, resource, "Properties", OF_TABLES_ELSEWHERE)?;
    Ok(Table {
        name: resolver
            .name(id, "TableName")
            .map_err(|problem| At::new("TableName", problem))?,
        attributes: properties.attribute_definitions,
        key: properties.key_schema,
        indexes: properties.global_secondary_indexes,
        stream: properties.stream_specification.map(|stream| stream.stream_view_type),
        ttl_attribute: properties
            .time_to_live_specification
            .filter(|ttl| ttl.enabled)
            .map(|ttl| ttl.attribute_name),
    })
}

pub(super) fn api(resolver: &Resolver, resource: &Value, count: usize) -> Result<Option<Cors>, At> {
    const CORS: &str = "CorsConfiguration";
    let is_cors = |name: &str, value: &Value| name == CORS && value.is_object();
    let supported =
        |(name, value): &(&String, &Value)| OF_APIS_ELSEWHERE.contains(&name.as_str()) || is_cors(name, value);
    let mut properties = resource
        .get("Properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    if let Some((name, _)) = properties.find(|property| !supported(property)) {
        return Err(At::new(
            name,
            Problem::Unsupported(format!("the {name} of an HTTP API")),
        ));
    }
    let cors = resource.get("Properties").and_then(|properties| properties.get(CORS));
    let cors = cors.map(|cors| {
        let resolved = resolver
            .resolve(cors)
            .map_err(|at| At::new(format!("{CORS}.{}", at.property), at.problem))?;
        shape::<Option<Cors>>(resolved, CORS)
    });
    match count {
        1 => Ok(cors.transpose()?.flatten()),
        _ => Err(At::new(
            "Type",
            Problem::Unsupported("more than one HTTP API".to_owned()),
        )),
    }
}

pub(super) fn function(
    resolver: &Resolver,
    globals: &FunctionProperties,
    id: &str,
    resource: &Value,
) -> Result<FunctionDefinition, At> {
    let binary = intrinsics::binary(resource)
        .ok_or_else(|| At::new("Metadata.BuildProperties.Binary", intrinsics::NO_BINARY))?;
    let own = resource.get("Properties").cloned().unwrap_or_default();
    let own = function_properties(resolver, &own)?;

    let timeout = own.timeout.or(globals.timeout).unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    if !(1..=MAX_TIMEOUT_SECONDS).contains(&timeout) {
        return Err(At::new("Timeout", Problem::Expected("1 to 900 seconds")));
    }
    let mut environment = BTreeMap::new();
    for (name, value) in globals.environment.variables.iter().chain(&own.environment.variables) {
        let text =
            scalar_text(value).ok_or_else(|| At::new(format!("Environment.Variables.{name}"), Problem::NotText))?;
        environment.insert(name.clone(), text);
    }
    let (mut routes, mut triggers, mut queues, mut schedules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, event) in own.events {
        let at = |at: At| At::new(format!("Events.{name}.{}", at.property), at.problem);
        match event.r#type.as_str() {
            "HttpApi" => routes.push(route(event).map_err(at)?),
            "DynamoDB" => triggers.push(trigger(&name, event).map_err(at)?),
            "SQS" => queues.push(messaging::queue_trigger(&name, event).map_err(at)?),
            "Schedule" | "ScheduleV2" => schedules.extend(messaging::schedule(&name, event).map_err(at)?),
            other => {
                let problem = Problem::Unsupported(format!("events of type {other}"));
                return Err(At::new(format!("Events.{name}.Type"), problem));
            }
        }
    }
    Ok(FunctionDefinition {
        logical_id: id.to_owned(),
        binary: binary.to_owned(),
        timeout: Duration::from_secs(timeout),
        environment,
        routes,
        triggers,
        queues,
        schedules,
    })
}

fn route(event: Event) -> Result<Route, At> {
    let event: HttpApiEvent = shape(without(event.properties, OF_APIS_ELSEWHERE), "Properties")?;
    let method = event.method.to_ascii_uppercase();
    if matches!(method.as_str(), "ANY" | "*" | "X-AMAZON-APIGATEWAY-ANY-METHOD") {
        return Err(At::new(
            "Properties.Method",
            Problem::Unsupported("a route for any method".to_owned()),
        ));
    }
    if !event.path.starts_with('/') || event.path.contains("+}") {
        return Err(At::new(
            "Properties.Path",
            Problem::Unsupported(format!("the path `{}`", event.path)),
        ));
    }
    Ok(Route {
        method,
        path: event.path,
    })
}

fn trigger(name: &str, event: Event) -> Result<StreamTrigger, At> {
    let event: DynamoDbEvent = shape(event.properties, "Properties")?;
    let expected = |property: &str, what| At::new(format!("Properties.{property}"), Problem::Expected(what));
    let table = table_of_stream(&event.stream)
        .ok_or_else(|| expected("Stream", "the StreamArn of a table of this template"))?
        .to_owned();
    let batch_size = event.batch_size.unwrap_or(DEFAULT_BATCH_SIZE);
    if !(1..=MAX_BATCH_SIZE).contains(&batch_size) {
        return Err(expected("BatchSize", "1 to 10,000"));
    }
    let max_retries = match event.maximum_retry_attempts {
        None | Some(-1) => None,
        Some(retries) => Some(
            u32::try_from(retries)
                .ok()
                .filter(|retries| *retries <= MAX_RETRY_ATTEMPTS)
                .ok_or_else(|| expected("MaximumRetryAttempts", "0 to 10,000, or -1 for no bound"))?,
        ),
    };
    let max_record_age = match event.maximum_record_age_in_seconds {
        None | Some(-1) => None,
        Some(seconds) => Some(
            u64::try_from(seconds)
                .ok()
                .filter(|seconds| (60..=MAX_RECORD_AGE_SECONDS).contains(seconds))
                .map(Duration::from_secs)
                .ok_or_else(|| expected("MaximumRecordAgeInSeconds", "60 to 604,800, or -1 for no bound"))?,
        ),
    };
    let filters = event
        .filter_criteria
        .filters
        .iter()
        .map(|filter| Filter::parse(&filter.pattern))
        .collect::<Result<_, _>>()
        .map_err(|error| At::new("Properties.FilterCriteria", error.into()))?;
    Ok(StreamTrigger {
        name: name.to_owned(),
        table,
        batch_size,
        filters,
        reports_item_failures: !event.function_response_types.is_empty(),
        bisects_on_error: event.bisect_batch_on_function_error,
        max_retries,
        max_record_age,
        failure_destination: event
            .destination_config
            .on_failure
            .map(|on_failure| on_failure.destination),
    })
}

/// Only what matters locally is resolved: a function's role or architecture may name what has no local value.
pub(super) fn function_properties(resolver: &Resolver, properties: &Value) -> Result<FunctionProperties, At> {
    let mut needed = Map::new();
    for name in ["Timeout", "Environment"] {
        if let Some(value) = properties.get(name) {
            needed.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(events) = properties.get("Events").and_then(Value::as_object) {
        let events = events.iter().map(|(name, event)| {
            let mut event = event.clone();
            if let Some(properties) = event.get_mut("Properties") {
                *properties = without(properties.take(), OF_APIS_ELSEWHERE);
            }
            (name.clone(), event)
        });
        needed.insert("Events".to_owned(), events.collect());
    }
    shape(resolver.resolve(&Value::Object(needed))?, "")
}
