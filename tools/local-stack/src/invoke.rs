//! Where functions run, and invoking one as Lambda does.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use lambda_edge::http::LOCAL_CALLER;
use lambda_edge::{Constructor, Environment, Function};
use lambda_runtime::Context;
use serde_json::Value;
use uuid::Uuid;

use crate::cause::cause_chain;
use crate::dynamodb::dummy_environment;
use crate::names::function_arn;
use crate::start_error::StartError;
use crate::template::{FunctionDefinition, Template};

/// Everything that can be invoked.
pub(crate) enum Functions {
    InProcess(HashMap<String, Function>),
    /// `cargo lambda watch`, which runs the functions itself.
    Remote {
        http: reqwest::Client,
        base: String,
    },
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    #[error("the function failed: {0}")]
    Failed(String),
    #[error("the function panicked: {0}")]
    Panicked(String),
    #[error("the function was stopped at its time-out of {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Not the function's fault, so not counted against its retries.
    #[error("the function cannot be reached: {0}")]
    Unreachable(String),
}

impl Functions {
    /// Builds every function of the template, each with its own environment.
    ///
    /// # Errors
    /// When template and constructors do not name the same functions, or a function refuses its configuration.
    pub(crate) fn in_process(
        template: &Template,
        constructors: &[(&str, Constructor)],
        config: &SdkConfig,
        variables: &BTreeMap<String, String>,
        events_endpoint: Option<&str>,
    ) -> Result<Self, StartError> {
        let unnamed = constructors
            .iter()
            .find(|(binary, _)| !template.functions.iter().any(|function| function.binary == *binary));
        if let Some((binary, _)) = unnamed {
            let (template, function) = (template.file.clone(), (*binary).to_owned());
            return Err(StartError::NotInTemplate { template, function });
        }
        let mut functions = HashMap::new();
        for definition in &template.functions {
            let binary = &definition.binary;
            let (_, new) =
                constructors
                    .iter()
                    .find(|(name, _)| name == binary)
                    .ok_or_else(|| StartError::NotInBuild {
                        template: template.file.clone(),
                        function: binary.clone(),
                    })?;
            let environment = Environment::from_iter(environment(definition, variables, events_endpoint));
            let function = new(&environment, config).map_err(|source| StartError::Configuration {
                template: template.file.clone(),
                function: binary.clone(),
                source,
            })?;
            functions.insert(binary.clone(), function);
        }
        Ok(Self::InProcess(functions))
    }

    /// Functions behind an endpoint that speaks Lambda's Invoke, at `base`.
    pub(crate) fn remote(base: &str) -> Self {
        lambda_edge::tls::install();
        Self::Remote {
            http: reqwest::Client::new(),
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    pub(crate) async fn invoke(&self, definition: &FunctionDefinition, payload: Value) -> Result<Value, InvokeError> {
        match self {
            Self::InProcess(functions) => match functions.get(&definition.binary) {
                Some(function) => in_process(function.clone(), definition, payload).await,
                None => Err(InvokeError::Failed("this build does not contain it".to_owned())),
            },
            Self::Remote { http, base } => remote(http, base, &definition.binary, payload).await,
        }
    }
}

/// A function's variables here: the template's, [`LOCAL_CALLER`], those of [`Options::variables`], and what leads to EventBridge and SQS if there
/// is an event bus.
///
/// [`Options::variables`]: crate::Options::variables
fn environment(
    definition: &FunctionDefinition,
    variables: &BTreeMap<String, String>,
    events_endpoint: Option<&str>,
) -> BTreeMap<String, String> {
    let mut environment = definition.environment.clone();
    environment.insert(LOCAL_CALLER.to_owned(), "local".to_owned());
    environment.extend(variables.clone());
    if let Some(endpoint) = events_endpoint {
        for service in ["EVENTBRIDGE", "SQS"] {
            environment.insert(format!("AWS_ENDPOINT_URL_{service}"), endpoint.to_owned());
        }
    }
    environment
}

/// The variables of all functions in one process outside of this one, such as `cargo lambda watch`: the template's, `variables`, and
/// what leads to the DynamoDB at `endpoint` and to EventBridge and SQS at `events_endpoint`. `is_set` says which variables that process has already.
///
/// # Errors
/// [`StartError::AmbiguousVariable`] when two functions give one variable different values.
pub fn merged_environment(
    template: &Template,
    endpoint: &str,
    variables: &BTreeMap<String, String>,
    events_endpoint: Option<&str>,
    is_set: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, String>, StartError> {
    let mut merged = BTreeMap::<String, (String, &str)>::new();
    for definition in &template.functions {
        for (name, value) in environment(definition, variables, events_endpoint) {
            let (first, owner) = merged
                .entry(name.clone())
                .or_insert_with(|| (value.clone(), &definition.binary));
            if *first != value {
                let functions = [(*owner).to_owned(), definition.binary.clone()];
                return Err(StartError::AmbiguousVariable { name, functions });
            }
        }
    }
    let mut merged: BTreeMap<_, _> = merged.into_iter().map(|(name, (value, _))| (name, value)).collect();
    // In place of the template's, which is that of AWS.
    merged.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), endpoint.to_owned());
    for (name, value) in dummy_environment(endpoint, is_set) {
        merged.insert(name.to_owned(), value.to_owned());
    }
    Ok(merged)
}

/// Runs in a task of its own, as in an execution environment of its own: a panic ends it alone, and a caller that goes
/// away does not.
async fn in_process(function: Function, definition: &FunctionDefinition, payload: Value) -> Result<Value, InvokeError> {
    let context = context(definition);
    let mut task = tokio::spawn(async move { function.invoke(payload, context).await });
    match tokio::time::timeout(definition.timeout, &mut task).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(InvokeError::Failed(cause_chain(&*error))),
        Ok(Err(join)) => Err(match join.try_into_panic() {
            Ok(panic) => InvokeError::Panicked(panic_message(&*panic)),
            Err(join) => InvokeError::Failed(join.to_string()),
        }),
        Err(_) => {
            task.abort();
            Err(InvokeError::TimedOut(definition.timeout))
        }
    }
}

fn context(definition: &FunctionDefinition) -> Context {
    let mut context = Context::default();
    let timeout = chrono::TimeDelta::from_std(definition.timeout).unwrap_or(chrono::TimeDelta::MAX);
    let deadline = chrono::Utc::now()
        .timestamp_millis()
        .saturating_add(timeout.num_milliseconds());
    context.request_id = Uuid::now_v7().to_string();
    context.deadline = deadline.try_into().unwrap_or(u64::MAX);
    context.invoked_function_arn = function_arn(&definition.binary);
    context.env_config = Arc::new(lambda_runtime::Config {
        function_name: definition.binary.clone(),
        version: "$LATEST".to_owned(),
        ..lambda_runtime::Config::default()
    });
    context
}

/// Has no time-out of its own: the first invocation may have to wait for the function to be compiled.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
async fn remote(http: &reqwest::Client, base: &str, binary: &str, payload: Value) -> Result<Value, InvokeError> {
    let url = format!("{base}/2015-03-31/functions/{binary}/invocations");
    let response = http
        .post(url)
        .json(&payload)
        .send()
        .await
        .map_err(|error| InvokeError::Unreachable(cause_chain(&error)))?;
    let failed = !response.status().is_success() || response.headers().contains_key("x-amz-function-error");
    let body = response
        .bytes()
        .await
        .map_err(|error| InvokeError::Unreachable(cause_chain(&error)))?;
    if failed {
        return Err(InvokeError::Failed(String::from_utf8_lossy(&body).into_owned()));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|error| InvokeError::Failed(format!("its answer is not JSON: {error}")))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(binary: &str, variable: &str) -> FunctionDefinition {
        FunctionDefinition {
            logical_id: binary.to_owned(),
            binary: binary.to_owned(),
            timeout: Duration::from_millis(50),
            environment: BTreeMap::from([("TABLE".to_owned(), variable.to_owned())]),
            ..FunctionDefinition::default()
        }
    }

    fn functions(function: Function) -> Functions {
        Functions::InProcess(HashMap::from([("f".to_owned(), function)]))
    }

    #[tokio::test]
    async fn a_panic_ends_the_invocation_alone() {
        let panics = functions(Function::new(|_| async { panic!("no such luck") }));
        let error = panics
            .invoke(&definition("f", "a"), Value::Null)
            .await
            .expect_err("a panic");
        assert_eq!(error.to_string(), "the function panicked: no such luck");
    }

    #[tokio::test]
    async fn a_function_is_stopped_at_its_time_out() {
        let hangs = functions(Function::new(|_| std::future::pending()));
        let error = hangs
            .invoke(&definition("f", "a"), Value::Null)
            .await
            .expect_err("a time-out");
        assert!(matches!(error, InvokeError::TimedOut(_)));
    }

    #[tokio::test]
    async fn a_remote_function_is_invoked_through_lambdas_own_api() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let base = format!("http://{}/", listener.local_addr().expect("an address"));
        let remote = Functions::remote(&base);
        let answer = async |uri: axum::http::Uri, body: String| match uri.path() {
            "/2015-03-31/functions/f/invocations" => (axum::http::StatusCode::OK, format!("[{body}]")),
            _ => (
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "no such function".to_owned(),
            ),
        };
        let server = tokio::spawn(axum::serve(listener, axum::Router::new().fallback(answer)).into_future());

        let payload = serde_json::json!({"Records": []});
        let answered = remote
            .invoke(&definition("f", "a"), payload.clone())
            .await
            .expect("an answer");
        assert_eq!(answered, serde_json::json!([payload]));
        let failed = remote
            .invoke(&definition("g", "a"), payload.clone())
            .await
            .expect_err("a failure");
        assert_eq!(failed.to_string(), "the function failed: no such function");

        server.abort();
        // Ends when the listener is closed.
        server.await.expect_err("an aborted server");
        let unreachable = Functions::remote(&base).invoke(&definition("f", "a"), payload).await;
        assert!(
            matches!(unreachable, Err(InvokeError::Unreachable(_))),
            "{unreachable:?}"
        );
    }

    #[test]
    fn one_variable_with_two_values_cannot_be_merged() {
        let mut template = Template {
            functions: vec![definition("f", "a"), definition("g", "a")],
            ..Template::default()
        };
        let variables = BTreeMap::from([("MAILER".to_owned(), "log".to_owned())]);
        let merge =
            |template: &Template| merged_environment(template, "http://127.0.0.1:8000", &variables, None, |_| false);
        let merged = merge(&template).expect("equal values");
        assert_eq!(merged["TABLE"], "a");
        assert_eq!(merged["LOCAL_CALLER"], "local");
        assert_eq!(merged["MAILER"], "log");
        template.functions.push(definition("h", "b"));
        assert!(matches!(merge(&template), Err(StartError::AmbiguousVariable { .. })));
    }

    #[test]
    fn functions_outside_find_the_local_dynamodb_whatever_the_template_says() {
        let text = include_str!("../../../template.yaml");
        let template = Template::parse("template.yaml", text).expect("the template");
        let events = Some("http://127.0.0.1:8001");
        let merged = merged_environment(&template, "http://127.0.0.1:8000", &BTreeMap::new(), events, |name| {
            name == "AWS_PROFILE"
        });
        let merged = merged.expect("one environment");
        assert_eq!(merged["AWS_ENDPOINT_URL_DYNAMODB"], "http://127.0.0.1:8000");
        for service in ["EVENTBRIDGE", "SQS"] {
            assert_eq!(merged[&format!("AWS_ENDPOINT_URL_{service}")], "http://127.0.0.1:8001");
        }
        assert!(!merged.contains_key("AWS_ACCESS_KEY_ID"));
    }
}
