//! The local stack, spoken to over HTTP.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use lambda_edge::{ConfigError, Constructor, Environment, Function};
use local_stack::dynamodb::Embedded;
use local_stack::template::Template;
use local_stack::{LocalStack, Options};
use reqwest::Method;
use run::FUNCTIONS;
use serde_json::{Value, json};

use super::answer::Answer;
use super::description::DESCRIPTION;
use super::{FaultProxy, LONGEST_WAIT, in_own_region, project, template_of};

/// A variable with which each function of these stacks knows its own name.
const FUNCTION: &str = "FUNCTION";

/// Between two questions: what is asked all the time has no time to happen.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

pub struct Api {
    pub stack: LocalStack,
    http: reqwest::Client,
}

impl Api {
    pub async fn start() -> Self {
        Self::start_with(options(false)).await
    }

    pub async fn start_with(options: Options) -> Self {
        let template = template_of(&options);
        Self::start_from(template, options).await
    }

    /// Without event-relay, which parks what it cannot read as the projections do, and would be counted with them.
    pub async fn start_without_relay() -> Self {
        let options = options(false);
        let mut template = template_of(&options);
        let relay = template
            .functions
            .iter_mut()
            .find(|function| function.binary == "event-relay");
        relay.unwrap().triggers.clear();
        Self::start_from(template, options).await
    }

    /// The same of a template that may have been changed.
    pub async fn start_from(template: Template, options: Options) -> Self {
        Self::start_replacing("", function, template, options).await
    }

    /// With a function in place of `binary`.
    pub async fn start_replacing(
        binary: &str,
        replacement: Constructor,
        mut template: Template,
        options: Options,
    ) -> Self {
        for function in &mut template.functions {
            function
                .environment
                .insert(FUNCTION.to_owned(), function.binary.clone());
        }
        let functions = FUNCTIONS.iter().map(|(name, _)| match *name == binary {
            true => (*name, replacement),
            false => (*name, function as Constructor),
        });
        let functions: Vec<_> = functions.collect();
        Self {
            stack: LocalStack::start_from(template, options, &functions).await.unwrap(),
            http: super::http(),
        }
    }

    /// A request as it is, to be completed and sent by [`Answer::of`].
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.stack.url()))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn post_empty(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::POST, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// The id of a new order with one line of 2 × 10.00.
    pub async fn create_order(&self) -> String {
        let answer = self.post("/orders", order_body()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["order_id"].as_str().unwrap().to_owned()
    }

    /// Waits until the read model shows the order at `version`.
    pub async fn order_at(&self, order_id: &str, version: u64) -> Value {
        let path = format!("/orders/{order_id}");
        self.eventually(&path, |answer| {
            answer.status == 200 && answer.body["version"] == version
        })
        .await
        .body
    }

    /// Asks again until the answer is as wished for; fails after [`LONGEST_WAIT`].
    pub async fn eventually(&self, path: &str, wished: impl Fn(&Answer) -> bool) -> Answer {
        let deadline = Instant::now() + LONGEST_WAIT;
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = self.get(path).await;
            if wished(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} still answers {answer:?}");
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }
}

/// A stack in memory, in which orders that are submitted are fulfilled or are not.
pub fn options(is_fulfilling: bool) -> Options {
    let state = if is_fulfilling { "ENABLED" } else { "DISABLED" };
    Options {
        parameters: [("Fulfilment".to_owned(), state.to_owned())].into(),
        ..run::in_memory(project().join("template.yaml"))
    }
}

/// A stack whose functions reach their DynamoDB through a proxy. None is invoked by the clock: it would meet faults that are
/// meant for a request.
pub async fn behind_proxy() -> (Embedded, FaultProxy, Api) {
    let options = options(false);
    let mut template = template_of(&options);
    // Whose requests would meet the faults that are meant for others.
    for function in &mut template.functions {
        function.schedules.clear();
    }
    start_behind_proxy(template, options).await
}

/// The same with other options.
pub async fn behind_proxy_of(options: Options) -> (Embedded, FaultProxy, Api) {
    let template = template_of(&options);
    start_behind_proxy(template, options).await
}

async fn start_behind_proxy(template: Template, options: Options) -> (Embedded, FaultProxy, Api) {
    let embedded = Embedded::memory().await.unwrap();
    let proxy = FaultProxy::start(embedded.endpoint()).await;
    let options = Options {
        dynamodb: local_stack::DynamoDb::Endpoint(embedded.endpoint().to_owned()),
        function_dynamodb_endpoint: Some(proxy.endpoint.clone()),
        ..options
    };
    let api = Api::start_from(template, options).await;
    (embedded, proxy, api)
}

/// The function that the environment names, in a region of its own.
pub fn function(environment: &Environment, config: &SdkConfig) -> Result<Function, ConfigError> {
    let name = environment.required(FUNCTION)?;
    let (_, constructor) = FUNCTIONS.iter().find(|(function, _)| *function == name).unwrap();
    constructor(environment, &in_own_region(config, name))
}

impl Answer {
    /// Sends the request. Whatever test it belongs to, its answer is one that the description has.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let (http, request) = request.build_split();
        let request = request.unwrap();
        let operation = DESCRIPTION.operation_of(request.method().as_str(), request.url().path());
        let response = http.execute(request).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.unwrap();
        let answer = Self {
            status,
            headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        };
        if let Some(operation) = operation {
            DESCRIPTION.check(&operation, &answer);
        }
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The fields that a problem names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
    }

    /// A problem as RFC 9457 has it, with the code and without a word about the inside.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["status"], status);
        assert!(self.header("x-correlation-id").is_some());
        for inside in [
            "serde", "Dynamo", "panicked", "at line", "struct ", "dynoxide", "u32", "u64", "Decimal", "expected",
            "variant", "sequence",
        ] {
            assert!(
                !self.body.to_string().contains(inside),
                "{} tells of {inside}",
                self.body
            );
        }
    }
}

pub fn order_body() -> Value {
    json!({
        "customer_id": "VINET",
        "items": [{ "product_id": "11", "quantity": 2, "unit_price": "10.00" }],
        "shipping_address": address(),
    })
}

/// The same with items that leave nothing to the catalogue.
pub fn whole_order_body() -> Value {
    let mut body = order_body();
    body["items"][0]["product_name"] = json!("Queso Cabrales");
    body["items"][0]["sku"] = json!("QC-1");
    body
}

pub fn address() -> Value {
    json!({ "street": "59 rue de l'Abbaye", "city": "Reims", "postal_code": "51100", "country": "France" })
}
