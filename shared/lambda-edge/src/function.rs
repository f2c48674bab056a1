//! What a Lambda function is to its caller: JSON in, JSON out.
//!
//! The Lambda runtime ([`run`]) and the local stack call a [`Function`] in the same way, so both pass the same event
//! types through the same code.

use std::sync::Arc;

use aws_config::SdkConfig;
use futures::future::BoxFuture;
use lambda_runtime::{Context, Error, LambdaEvent};
use serde_json::Value;

use crate::emf::EmbeddedMetrics;
use crate::http::LOCAL_CALLER;
use crate::{ConfigError, Environment, aws, telemetry};

type Invoke = dyn Fn(LambdaEvent<Value>) -> BoxFuture<'static, Result<Value, Error>> + Send + Sync;

/// A function that is configured and ready to be invoked, any number of times and concurrently.
#[derive(Clone)]
pub struct Function {
    invoke: Arc<Invoke>,
    routes: Arc<[String]>,
}

/// Makes a function from its environment. Every function crate exports one, named `function`.
pub type Constructor = fn(&Environment, &SdkConfig) -> Result<Function, ConfigError>;

impl Function {
    pub fn new<F, Fut>(invoke: F) -> Self
    where
        F: Fn(LambdaEvent<Value>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        Self {
            invoke: Arc::new(move |event| Box::pin(invoke(event))),
            routes: Arc::new([]),
        }
    }

    /// This function for requests, and `records` for the batches of a stream or queue.
    pub fn with_records(self, records: Function) -> Self {
        self.with(|payload| payload.get("Records").is_some(), records)
    }

    /// This function for requests, and `schedules` for what a schedule sends.
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>
    pub fn with_schedules(self, schedules: Function) -> Self {
        self.with(|payload| payload["detail-type"] == "Scheduled Event", schedules)
    }

    fn with(self, is_others: fn(&Value) -> bool, other: Function) -> Self {
        let routes = self.routes.clone();
        let both = Self::new(move |event: LambdaEvent<Value>| {
            let function = match is_others(&event.payload) {
                true => other.clone(),
                false => self.clone(),
            };
            async move { function.invoke(event.payload, event.context).await }
        });
        Self { routes, ..both }
    }

    pub(crate) fn with_routes(self, routes: impl Iterator<Item = String>) -> Self {
        Self {
            routes: routes.collect(),
            ..self
        }
    }

    /// The routes that it serves, each as `METHOD /path`. Another function than one of requests has none.
    pub fn routes(&self) -> &[String] {
        &self.routes
    }

    /// Handles one event.
    ///
    /// # Errors
    /// When the event is not of the function's kind, or the function failed as a whole; Lambda then retries or
    /// answers 500, as the trigger has it.
    pub async fn invoke(&self, payload: Value, context: Context) -> Result<Value, Error> {
        (self.invoke)(LambdaEvent::new(payload, context)).await
    }
}

/// The whole `main` of a function: builds it from the process's environment and serves the Lambda runtime. After each
/// invocation it writes its metrics for CloudWatch, except where there is none: under cargo-lambda and SAM.
///
/// # Errors
/// When the configuration is unusable, or the Lambda runtime cannot be reached.
pub fn run(new: Constructor) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(new))
}

async fn serve(new: Constructor) -> Result<(), Error> {
    let environment = Environment::of_process();
    telemetry::log_json_lines(&environment);
    let function = new(&environment, &aws::config().await)?;
    let metrics = match environment.optional(LOCAL_CALLER) {
        Some(_) => None,
        None => Some(EmbeddedMetrics::install()?),
    };
    lambda_runtime::run(lambda_runtime::service_fn(move |event: LambdaEvent<Value>| {
        let (function, metrics) = (function.clone(), metrics.clone());
        async move {
            let name = event.context.env_config.function_name.clone();
            let answer = function.invoke(event.payload, event.context).await;
            if let Some(metrics) = metrics {
                metrics.flush(&name);
            }
            answer
        }
    }))
    .await
}
