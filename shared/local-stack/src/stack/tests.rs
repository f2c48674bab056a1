//! A stack with small functions of its own: HTTP to function, and item to stream to function.

use std::collections::HashMap;
use std::path::PathBuf;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_edge::{Environment, Function};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;

mod messaging;

const TEMPLATE: &str = r#"
Resources:
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: Id, AttributeType: S }]
      KeySchema: [{ AttributeName: Id, KeyType: HASH }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
  Deliveries:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: Id, AttributeType: S }]
      KeySchema: [{ AttributeName: Id, KeyType: HASH }]
  Failures: { Type: AWS::SQS::Queue }
  Web:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: web } }
    Properties:
      Timeout: 1
      Environment: { Variables: { TABLE: !Ref Items } }
      Events:
        Echo: { Type: HttpApi, Properties: { Method: POST, Path: "/things/{id}" } }
  Worker:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: worker } }
    Properties:
      Environment: { Variables: { TABLE: !Ref Deliveries } }
      Events:
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Items.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            FilterCriteria: { Filters: [{ Pattern: '{"eventName": ["INSERT"]}' }] }
            FunctionResponseTypes: [ReportBatchItemFailures]
            MaximumRetryAttempts: 2
            DestinationConfig: { OnFailure: { Destination: !GetAtt Failures.Arn } }
"#;

const FUNCTIONS: &[(&str, Constructor)] = &[("web", web), ("worker", worker)];

/// Answers with what it got; misbehaves as the path parameter says.
fn web(environment: &Environment, _: &SdkConfig) -> Result<Function, ConfigError> {
    let table = environment.required("TABLE")?.to_owned();
    Ok(Function::new(move |event| {
        let table = table.clone();
        async move {
            let id = event.payload["pathParameters"]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            match id.as_str() {
                "panic" => panic!("as asked"),
                "fail" => return Err("as asked".into()),
                "hang" => std::future::pending().await,
                _ => {}
            }
            let body = json!({ "id": id, "body": event.payload["body"], "table": table });
            Ok(json!({ "statusCode": 201, "headers": { "x-id": id.len().to_string() }, "body": body.to_string() }))
        }
    }))
}

/// Counts how often it got each item. `late` fails the first time, `poison` always.
fn worker(environment: &Environment, config: &SdkConfig) -> Result<Function, ConfigError> {
    let table = environment.required("TABLE")?.to_owned();
    let client = Client::new(config);
    Ok(Function::new(move |event| {
        let (client, table) = (client.clone(), table.clone());
        async move {
            for record in event.payload["Records"].as_array().into_iter().flatten() {
                let id = record["dynamodb"]["Keys"]["Id"]["S"].as_str().unwrap_or_default();
                let count = count_delivery(&client, &table, id).await?;
                if id == "poison" || (id == "late" && count < 2) {
                    let number = &record["dynamodb"]["SequenceNumber"];
                    return Ok(json!({ "batchItemFailures": [{ "itemIdentifier": number }] }));
                }
            }
            Ok(json!({ "batchItemFailures": [] }))
        }
    }))
}

async fn count_delivery(client: &Client, table: &str, id: &str) -> Result<u32, lambda_runtime::Error> {
    let answer = client
        .update_item()
        .table_name(table)
        .key("Id", AttributeValue::S(id.to_owned()))
        .update_expression("ADD Deliveries :one")
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .return_values(aws_sdk_dynamodb::types::ReturnValue::UpdatedNew)
        .send()
        .await?;
    Ok(deliveries(answer.attributes()))
}

fn deliveries(item: Option<&HashMap<String, AttributeValue>>) -> u32 {
    let count = item.and_then(|item| item.get("Deliveries")?.as_n().ok()?.parse().ok());
    count.unwrap_or_default()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self::with(TEMPLATE)
    }

    fn with(template: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("local-stack-{}", Uuid::now_v7()));
        std::fs::create_dir(&folder).expect("a temporary folder");
        std::fs::write(folder.join("template.yaml"), template).expect("a template");
        Self(folder)
    }

    fn options(&self) -> Options {
        Options::in_memory(self.0.join("template.yaml"))
    }

    fn persistent_options(&self) -> Options {
        Options {
            data: Data::Folder(self.0.join("data")),
            ..self.options()
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn start(options: Options) -> LocalStack {
    match LocalStack::start(options, FUNCTIONS).await {
        Ok(stack) => stack,
        Err(error) => panic!("{error}"),
    }
}

async fn put(stack: &LocalStack, id: &str) {
    let item = stack
        .dynamodb()
        .put_item()
        .table_name("Items")
        .item("Id", AttributeValue::S(id.to_owned()));
    item.send().await.expect("a stored item");
}

async fn caught_up(stack: &LocalStack) {
    stack.caught_up().await.unwrap_or_else(|error| panic!("{error}"));
}

async fn delivered(stack: &LocalStack, id: &str) -> u32 {
    let request = stack
        .dynamodb()
        .get_item()
        .table_name("Deliveries")
        .key("Id", AttributeValue::S(id.to_owned()));
    deliveries(request.send().await.expect("an answer").item())
}

#[tokio::test]
async fn a_request_reaches_its_function_and_the_answer_comes_back() {
    let folder = Folder::new();
    let stack = start(folder.options()).await;
    let http = reqwest::Client::new();
    let url = format!("{}/things/t%201", stack.url());
    let request = http.post(&url).header("content-type", "text/plain").body("hello");
    let response = request.send().await.expect("a response");
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["x-id"], "3");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body, json!({"id": "t 1", "body": "hello", "table": "Items"}));

    let post = async |path: &str, body: Vec<u8>| {
        let request = http.post(format!("{}{path}", stack.url())).body(body);
        let response = request.send().await.expect("a response");
        (response.status().as_u16(), response.text().await.expect("a body"))
    };
    assert_eq!(
        post("/nowhere", vec![]).await,
        (404, r#"{"message":"Not Found"}"#.to_owned())
    );
    let too_large = vec![b'x'; 10 * 1024 * 1024 + 1];
    let expected = r#"{"message":"Request Entity Too Large"}"#.to_owned();
    assert_eq!(post("/things/large", too_large).await, (413, expected));
    for misbehaving in ["panic", "fail", "hang"] {
        let expected = r#"{"message":"Internal Server Error"}"#.to_owned();
        assert_eq!(post(&format!("/things/{misbehaving}"), vec![]).await, (500, expected));
    }
    assert_eq!(post("/things/after", vec![]).await.0, 201);
    stack.stop().await;
}

#[tokio::test]
async fn a_partial_batch_failure_goes_on_at_the_record_that_failed() {
    let folder = Folder::new();
    let stack = start(folder.options()).await;
    for id in ["first", "late", "last"] {
        put(&stack, id).await;
    }
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "first").await, 1);
    assert_eq!(delivered(&stack, "late").await, 2);
    assert_eq!(delivered(&stack, "last").await, 1);
    assert!(stack.failed_batches().is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_batch_out_of_retries_goes_to_the_failure_destination_and_the_stream_goes_on() {
    let folder = Folder::new();
    let stack = start(folder.options()).await;
    put(&stack, "poison").await;
    caught_up(&stack).await;
    put(&stack, "after").await;
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "poison").await, 3);
    assert_eq!(delivered(&stack, "after").await, 1);

    let failed = stack.failed_batches();
    let [failed] = failed.as_slice() else {
        panic!("one batch, not {failed:?}")
    };
    assert_eq!(failed.function, "worker");
    assert_eq!(
        failed.destination.as_deref(),
        Some("arn:aws:sqs:us-east-1:000000000000:Failures")
    );
    let context = &failed.message["requestContext"];
    assert_eq!(context["condition"], "RetryAttemptsExhausted");
    assert_eq!(context["approximateInvokeCount"], 3);
    let batch = &failed.message["DDBStreamBatchInfo"];
    assert_eq!(batch["batchSize"], 1);
    assert_eq!(batch["startSequenceNumber"], batch["endSequenceNumber"]);
    assert!(failed.message["responseContext"].get("functionError").is_none());
    stack.stop().await;
}

#[tokio::test]
async fn a_record_that_the_filter_holds_back_is_passed_over() {
    let folder = Folder::new();
    let stack = start(folder.options()).await;
    put(&stack, "a").await;
    put(&stack, "a").await;
    put(&stack, "b").await;
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "a").await, 1);
    assert_eq!(delivered(&stack, "b").await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn after_a_restart_triggers_go_on_at_their_checkpoints() {
    let folder = Folder::new();
    let stack = start(folder.persistent_options()).await;
    put(&stack, "before").await;
    caught_up(&stack).await;
    let second = LocalStack::start(folder.persistent_options(), FUNCTIONS).await;
    assert!(matches!(second, Err(StartError::FolderInUse(_))));
    stack.stop().await;

    let stack = start(folder.persistent_options()).await;
    put(&stack, "after").await;
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "before").await, 1);
    assert_eq!(delivered(&stack, "after").await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn a_table_that_is_made_anew_is_read_without_a_restart() {
    let folder = Folder::new();
    let stack = start(folder.options()).await;
    put(&stack, "before").await;
    caught_up(&stack).await;
    let client = stack.dynamodb();
    let deleted = client.delete_table().table_name("Items").send().await;
    deleted.expect("a deleted table");
    let template = Template::read(&folder.options().template).expect("the template");
    dynamodb::create_tables(&client, &template).await.expect("a new table");
    put(&stack, "after").await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while delivered(&stack, "after").await == 0 {
        assert!(Instant::now() < deadline, "the new stream is not read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn what_prevents_the_start_is_one_sentence() {
    let folder = Folder::new();
    let file = folder.options().template.display().to_string();
    let more = [FUNCTIONS[0], FUNCTIONS[1], ("other", web as Constructor)];
    let refused = async |options, functions| match LocalStack::start(options, functions).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        refused(folder.options(), &FUNCTIONS[..1]).await,
        format!("{file} names the function `worker`, which this build does not contain")
    );
    assert_eq!(
        refused(folder.options(), &more).await,
        format!("this build contains the function `other`, which {file} does not name")
    );
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let error = refused(
        Options {
            port,
            ..folder.options()
        },
        FUNCTIONS,
    )
    .await;
    assert!(
        error.starts_with(&format!("cannot listen on 127.0.0.1:{port} for HTTP requests")),
        "{error}"
    );
    let error = refused(Options::in_memory("missing.yaml"), FUNCTIONS).await;
    assert!(error.starts_with("cannot read the template missing.yaml"), "{error}");
}
