//! A stack with small functions of its own: HTTP to function, and item to stream to function.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_edge::{ConfigError, Environment, Function, telemetry};
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

/// How long a test waits for what must come. That says nothing of speed: a busy machine may take its time.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(120);

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

/// Why it does not start.
async fn refused(options: Options, functions: &[(&str, Constructor)]) -> String {
    match LocalStack::start(options, functions).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
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
    let deadline = Instant::now() + LONGEST_WAIT;
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
    assert_eq!(
        refused(folder.options(), &FUNCTIONS[..1]).await,
        format!("{file} names the function `worker`, which this build does not contain")
    );
    assert_eq!(
        refused(folder.options(), &more).await,
        format!("this build contains the function `other`, which {file} does not name")
    );
    let error = refused(Options::in_memory("missing.yaml"), FUNCTIONS).await;
    assert!(
        error.starts_with("cannot read the template missing.yaml: ")
            && error.ends_with("; set TEMPLATE to the path of another"),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_one_sentence_that_names_its_variable() {
    let folder = Folder::with(&format!(
        "{TEMPLATE}  Bus: {{ Type: AWS::Events::EventBus, Properties: {{ Name: orders }} }}\n"
    ));
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let on = |variable| {
        let mut options = folder.options();
        match variable {
            "PORT" => options.port = port,
            "DYNAMODB_PORT" => options.dynamodb = DynamoDb::Embedded { port },
            _ => options.events_port = port,
        }
        options
    };
    for (variable, purpose) in [("PORT", HTTP), ("DYNAMODB_PORT", DYNAMODB), ("EVENTS_PORT", EVENTS)] {
        assert_eq!(
            refused(on(variable), FUNCTIONS).await,
            format!(
                "port {port} of 127.0.0.1 for {purpose} is taken; set {variable} to another one, or to 0 for any that is free"
            )
        );
    }
    // With 0, a free one is taken for each.
    let stack = start(folder.options()).await;
    let urls = [
        stack.url(),
        stack.dynamodb_endpoint(),
        stack.events_endpoint().expect("a bus"),
    ];
    for url in urls {
        let port = url.strip_prefix("http://127.0.0.1:").map(str::parse::<u16>);
        assert!(matches!(port, Some(Ok(1..))), "{url}");
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_one_sentence_that_names_data() {
    let folder = Folder::new();
    let data = folder.0.join("data");
    let with_data = |data: &Path| Options {
        data: Data::Folder(data.to_owned()),
        ..folder.options()
    };
    std::fs::write(&data, "a file").expect("a file");
    for unusable in [
        data.clone(),
        data.join("below"),
        "/proc/nothing-can-be-made-here".into(),
    ] {
        let error = refused(with_data(&unusable), FUNCTIONS).await;
        let name = unusable.display();
        assert!(
            error.starts_with(&format!("cannot use the data folder {name}: ")),
            "{error}"
        );
        assert!(
            error.ends_with("; set DATA to a folder that can be written, or to memory"),
            "{error}"
        );
    }
    std::fs::remove_file(&data).expect("no file");
    let stack = start(with_data(&data)).await;
    assert_eq!(
        refused(with_data(&data), FUNCTIONS).await,
        format!(
            "the data folder {} is in use by another running local stack; set DATA to another folder, or to memory",
            data.display()
        )
    );
    stack.stop().await;

    std::fs::write(data.join("dynamodb.sqlite"), "no database, ".repeat(1_000)).expect("a file");
    let error = refused(with_data(&data), FUNCTIONS).await;
    assert!(
        error.contains("dynamodb.sqlite") && error.ends_with("; set DATA to another folder, or to memory"),
        "{error}"
    );
}

#[tokio::test]
async fn a_dynamodb_that_cannot_be_reached_is_one_sentence_that_names_its_variable() {
    let folder = Folder::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let elsewhere = Options {
        dynamodb: DynamoDb::Endpoint(url.clone()),
        ..folder.options()
    };
    let error = refused(elsewhere, FUNCTIONS).await;
    assert!(error.contains("Connection refused"), "{error}");
    let advice =
        format!("; DYNAMODB_ENDPOINT is {url}: set it to a DynamoDB that runs, or unset it for the embedded one");
    assert!(error.ends_with(&advice), "{error}");
}

#[tokio::test]
async fn a_value_of_a_parameter_that_a_function_refuses_is_told_with_where_it_comes_from() {
    fn picky(environment: &Environment, _: &SdkConfig) -> Result<Function, ConfigError> {
        environment.parsed::<u16>("TABLE", "a number")?;
        panic!("no number is given")
    }
    let folder = Folder::new();
    let error = refused(folder.options(), &[("web", picky), ("worker", worker)]).await;
    let file = folder.options().template.display().to_string();
    assert_eq!(
        error,
        format!(
            "the function `web` cannot start: the environment variable TABLE is `Items`, which is not a number; its value comes \
             from {file} or PARAMETERS"
        )
    );
}

/// What a thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no panic while writing");
        String::from_utf8(bytes.clone()).expect("text")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_wrong_request_is_answered_as_in_aws_and_the_log_says_what_was_meant() {
    let folder = Folder::new();
    let stack = start(folder.options()).await;
    // With a single subscriber in the process, tracing asks that of the thread that first meets a log statement, and the
    // other tests' threads have none.
    let _second = tracing::Dispatch::new(telemetry::json_lines(io::sink, tracing::Level::INFO));
    let log = Log::default();
    let writer = log.clone();
    let logging = tracing::subscriber::set_default(telemetry::json_lines(move || writer.clone(), tracing::Level::INFO));
    let http = reqwest::Client::new();
    for (method, path, meant) in [
        ("POST", "/things/t1/", "POST /things/{id} has no slash at its end"),
        ("POST", "/thing/t1", "is POST /things/{id} meant?"),
        ("GET", "/things/t1", "the path has POST only"),
        ("HEAD", "/things/t1", "the path has POST only"),
        ("OPTIONS", "/things/t1", "the path has POST only"),
        ("POST", "/", "none is near it"),
        ("POST", "/a%0Ab", "none is near it"),
    ] {
        let request = http.request(method.parse().expect("a method"), format!("{}{path}", stack.url()));
        let response = request.send().await.expect("a response");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "application/json");
        // Of HEAD, too, but for the body.
        assert_eq!(response.headers()["content-length"], "23");
        let body = response.text().await.expect("a body");
        assert_eq!(
            body,
            if method == "HEAD" {
                ""
            } else {
                r#"{"message":"Not Found"}"#
            }
        );
        let log = log.text();
        let line: Value = serde_json::from_str(log.lines().last().expect("a line")).expect("JSON");
        assert_eq!(line["level"], "WARN");
        let path = path.replace("%0A", "\\n");
        assert_eq!(line["message"], format!("{method} \"{path}\" is no route: {meant}"));
    }
    drop(logging);
    stack.stop().await;
}
