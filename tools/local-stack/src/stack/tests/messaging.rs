//! The way from the bus by rules and queues to functions, and back to the bus by a stream; and schedules.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::*;
use crate::BusFaults;

/// More often than a passing fault of these tests takes.
const MAX_RECEIVES: u32 = 3;

const TEMPLATE: &str = r#"
Parameters:
  Feed: { Type: String, Default: ENABLED, AllowedValues: [ENABLED, DISABLED] }
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
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: things } }
  DeadMessages: { Type: AWS::SQS::Queue, Properties: { MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true } }
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: { deadLetterTargetArn: !GetAtt DeadMessages.Arn, maxReceiveCount: 3 }
  WorkPolicy: { Type: AWS::SQS::QueuePolicy, Properties: { Queues: [!Ref Work] } }
  WorkRule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      State: !Ref Feed
      EventPattern: { detail-type: [Thing], source: [tests] }
      Targets:
        - Id: work
          Arn: !GetAtt Work.Arn
          RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86400 }
          DeadLetterConfig: { Arn: !GetAtt DeadMessages.Arn }
  Relay:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: relay } }
    Properties:
      Timeout: 10
      Environment: { Variables: { BUS: !Ref Bus } }
      Events:
        Stream:
          Type: DynamoDB
          Properties: { Stream: !GetAtt Items.StreamArn, StartingPosition: TRIM_HORIZON }
  Worker:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: worker } }
    Properties:
      Environment: { Variables: { ITEMS: !Ref Items, DELIVERIES: !Ref Deliveries } }
      Events:
        Messages:
          Type: SQS
          Properties:
            Queue: !GetAtt Work.Arn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: { MaximumConcurrency: 4 }
"#;

const CLOCK: &str = r#"
  Clock:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: clock } }
    Properties:
      Environment: { Variables: { DELIVERIES: !Ref Deliveries } }
      Events:
        EveryMinute:
          Type: Schedule
          Properties:
            Schedule: rate(1 minute)
            RetryPolicy: { MaximumRetryAttempts: 2 }
            DeadLetterConfig: { Arn: !GetAtt DeadMessages.Arn }
"#;

const FUNCTIONS: &[(&str, Constructor)] = &[("relay", relay), ("worker", worker)];

fn eventbridge(config: &SdkConfig, endpoint: &str) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::config::Builder::from(config).endpoint_url(endpoint);
    aws_sdk_eventbridge::Client::from_conf(config.build())
}

fn entry(id: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .event_bus_name("things")
        .source("tests")
        .detail_type("Thing")
        .detail(json!({ "id": id }).to_string())
        .build()
}

/// The ids that the relays of these tests could not put on their buses.
static REFUSED: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

/// Puts the ids of new items on the bus.
fn relay(environment: &Environment, config: &SdkConfig) -> Result<Function, ConfigError> {
    assert_eq!(environment.required("BUS")?, "things");
    let client = eventbridge(config, environment.required("AWS_ENDPOINT_URL_EVENTBRIDGE")?);
    Ok(Function::new(move |event| {
        let client = client.clone();
        async move {
            for record in event.payload["Records"].as_array().into_iter().flatten() {
                let id = record["dynamodb"]["Keys"]["Id"]["S"].as_str().unwrap_or_default();
                let put = client.put_events().entries(entry(id)).send().await;
                if put.is_err() {
                    REFUSED.lock().expect("no panic").push(id.to_owned());
                }
                put?;
            }
            Ok(Value::Null)
        }
    }))
}

/// Counts how often it got each id, and keeps their order. Of `late` and `poison` it reports the failure, once or always;
/// `explode` and `nonsense` fail the batch once. Of `chain-2` it writes the item `chain-1`, and so on.
fn worker(environment: &Environment, config: &SdkConfig) -> Result<Function, ConfigError> {
    let items = environment.required("ITEMS")?.to_owned();
    let deliveries = environment.required("DELIVERIES")?.to_owned();
    let client = Client::new(config);
    Ok(Function::new(move |event| {
        let (client, items, deliveries) = (client.clone(), items.clone(), deliveries.clone());
        async move {
            let mut failures = Vec::new();
            for record in event.payload["Records"].as_array().into_iter().flatten() {
                let body: Value = serde_json::from_str(record["body"].as_str().unwrap_or_default())?;
                let id = body["detail"]["id"].as_str().unwrap_or_default();
                let count = count_delivery(&client, &deliveries, id).await?;
                keep_order(&client, &deliveries, id).await?;
                match id {
                    "explode" if count == 1 => return Err("as asked".into()),
                    "nonsense" if count == 1 => failures.push(json!({ "itemIdentifier": "nonsense" })),
                    "late" if count > 1 => {}
                    "late" | "poison" => failures.push(json!({ "itemIdentifier": record["messageId"] })),
                    _ => {}
                }
                if let Some(("chain", left)) = id.split_once('-')
                    && let Some(left) = left.parse::<u32>()?.checked_sub(1)
                {
                    let next = AttributeValue::S(format!("chain-{left}"));
                    client.put_item().table_name(&items).item("Id", next).send().await?;
                }
            }
            Ok(json!({ "batchItemFailures": failures }))
        }
    }))
}

async fn keep_order(client: &Client, table: &str, id: &str) -> Result<(), lambda_runtime::Error> {
    client
        .update_item()
        .table_name(table)
        .key("Id", AttributeValue::S("order".to_owned()))
        .update_expression("SET Ids = list_append(if_not_exists(Ids, :none), :id)")
        .expression_attribute_values(":none", AttributeValue::L(vec![]))
        .expression_attribute_values(":id", AttributeValue::L(vec![AttributeValue::S(id.to_owned())]))
        .send()
        .await?;
    Ok(())
}

/// The ids in the order in which the worker got them.
async fn order(stack: &LocalStack) -> Vec<String> {
    let request = stack
        .dynamodb()
        .get_item()
        .table_name("Deliveries")
        .key("Id", AttributeValue::S("order".to_owned()));
    let item = request.send().await.expect("an answer").item.expect("deliveries");
    let ids = item["Ids"].as_l().expect("a list");
    ids.iter().map(|id| id.as_s().expect("text").clone()).collect()
}

async fn bus(stack: &LocalStack) -> aws_sdk_eventbridge::Client {
    let config = dynamodb::local_config(stack.dynamodb_endpoint()).await;
    eventbridge(&config, stack.events_endpoint().expect("an event bus"))
}

async fn send(stack: &LocalStack, entries: impl IntoIterator<Item = PutEventsRequestEntry>) -> PutEventsOutput {
    let request = bus(stack).await.put_events();
    let request = request.set_entries(Some(entries.into_iter().collect()));
    request.send().await.expect("an answer of PutEvents")
}

async fn start(options: Options) -> LocalStack {
    start_with(options, FUNCTIONS).await
}

async fn start_with(options: Options, functions: &[(&str, Constructor)]) -> LocalStack {
    match LocalStack::start(options, functions).await {
        Ok(stack) => stack,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn what_a_function_writes_comes_back_to_it_by_stream_bus_and_queue_until_all_is_quiet() {
    let folder = Folder::with(TEMPLATE);
    let stack = start(folder.options()).await;
    put(&stack, "chain-4").await;
    caught_up(&stack).await;
    assert_eq!(
        order(&stack).await,
        ["chain-4", "chain-3", "chain-2", "chain-1", "chain-0"]
    );
    stack.stop().await;
}

#[tokio::test]
async fn put_events_refuses_what_eventbridge_refuses_and_takes_the_rest() {
    let folder = Folder::with(TEMPLATE);
    let stack = start(folder.options()).await;
    let valid = |id: &str| {
        PutEventsRequestEntry::builder()
            .event_bus_name("arn:aws:events:us-east-1:000000000000:event-bus/things")
            .source("tests")
            .detail_type("Thing")
            .detail(json!({ "id": id }).to_string())
    };
    let answer = send(
        &stack,
        [
            valid("good").build(),
            valid("a").set_source(None).build(),
            valid("a").detail_type("").build(),
            valid("a").set_detail(None).build(),
            valid("a").detail("{").build(),
            valid("a").detail("[]").build(),
            valid("a").set_event_bus_name(None).build(),
            valid("a").event_bus_name("elsewhere").build(),
        ],
    )
    .await;
    let large = valid("a").detail(json!({ "id": "x".repeat(500_000) }).to_string());
    let unkept = send(&stack, [large.build()]).await;
    assert_eq!(unkept.entries()[0].error_code(), Some("InternalFailure"));

    let codes: Vec<_> = answer
        .entries()
        .iter()
        .map(|entry| entry.error_code().unwrap_or("-"))
        .collect();
    let argument = "InvalidArgument";
    let malformed = "MalformedDetail";
    assert_eq!(
        codes,
        [
            "-", argument, argument, argument, malformed, malformed, argument, argument
        ]
    );
    assert_eq!(answer.failed_entry_count(), 7);
    assert!(answer.entries()[0].event_id().is_some());
    assert_eq!(
        answer.entries()[1].error_message(),
        Some("Parameter Source is not valid. Reason: Source is a required argument.")
    );

    let client = bus(&stack).await;
    let refused = async |entries: Vec<PutEventsRequestEntry>| {
        let answer = client.put_events().set_entries(Some(entries)).send().await;
        let error = answer.expect_err("a refusal").into_service_error();
        error.meta().code().unwrap_or_default().to_owned()
    };
    assert_eq!(refused(vec![valid("a").build(); 11]).await, "ValidationException");
    assert_eq!(refused(vec![]).await, "ValidationException");
    let large = json!({ "id": "x".repeat(600_000) }).to_string();
    let large = valid("a").detail(large).build();
    assert_eq!(refused(vec![large; 2]).await, "ValidationException");

    caught_up(&stack).await;
    assert_eq!(order(&stack).await, ["good"]);
    stack.stop().await;
}

#[tokio::test]
async fn a_rule_matches_its_pattern_and_a_disabled_one_nothing() {
    let folder = Folder::with(TEMPLATE);
    let stack = start(folder.options()).await;
    let other = |detail_type: &str, source: &str| {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name("things")
            .detail(r#"{"id": "other"}"#);
        entry.detail_type(detail_type).source(source).build()
    };
    let answer = send(&stack, [other("Other", "tests"), entry("a"), other("Thing", "others")]).await;
    assert_eq!(answer.failed_entry_count(), 0);
    caught_up(&stack).await;
    assert_eq!(order(&stack).await, ["a"]);
    stack.stop().await;

    let with = |name: &str, value: &str| Options {
        parameters: [(name.to_owned(), value.to_owned())].into(),
        ..folder.options()
    };
    let stack = start(with("Feed", "DISABLED")).await;
    assert_eq!(send(&stack, [entry("a")]).await.failed_entry_count(), 0);
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "a").await, 0);
    stack.stop().await;

    for (name, value, expected) in [
        (
            "Feed",
            "MAYBE",
            "cannot be `MAYBE`; it must be one of ENABLED, DISABLED",
        ),
        ("Food", "ENABLED", "has no parameter Food; PARAMETERS may set Feed"),
    ] {
        let error = refused(with(name, value), FUNCTIONS).await;
        assert!(error.ends_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_message_that_is_reported_comes_again_alone() {
    let folder = Folder::with(TEMPLATE);
    let stack = start(folder.options()).await;
    send(&stack, ["first", "late", "last"].map(entry)).await;
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "first").await, 1);
    assert_eq!(delivered(&stack, "late").await, 2);
    assert_eq!(delivered(&stack, "last").await, 1);
    assert!(stack.dead_messages().is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_batch_that_fails_or_is_answered_with_an_unknown_id_comes_again_as_a_whole() {
    let folder = Folder::with(TEMPLATE);
    let stack = start(folder.options()).await;
    for id in ["explode", "nonsense"] {
        send(&stack, [entry(id)]).await;
        caught_up(&stack).await;
        assert_eq!(delivered(&stack, id).await, 2);
    }
    assert!(stack.dead_messages().is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_and_stays_there() {
    let folder = Folder::with(TEMPLATE);
    let stack = start(folder.persistent_options()).await;
    send(&stack, ["poison", "other"].map(entry)).await;
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "poison").await, MAX_RECEIVES);
    assert_eq!(delivered(&stack, "other").await, 1);
    let dead = stack.dead_messages();
    let [message] = dead.as_slice() else {
        panic!("one message, not {dead:?}")
    };
    assert_eq!(
        (message.queue.as_str(), message.receives),
        ("DeadMessages", MAX_RECEIVES)
    );
    let body: Value = serde_json::from_str(&message.body).expect("JSON");
    assert_eq!(body["detail"]["id"], "poison");
    stack.stop().await;

    let stack = start(folder.persistent_options()).await;
    caught_up(&stack).await;
    assert_eq!(stack.dead_messages(), dead);
    assert_eq!(delivered(&stack, "poison").await, MAX_RECEIVES);
    stack.stop().await;
}

#[tokio::test]
async fn what_put_events_took_outlives_the_process() {
    let folder = Folder::with(TEMPLATE);
    let options = folder.persistent_options();
    let mut without_consumer = Template::read(&options.template).expect("the template");
    for function in &mut without_consumer.functions {
        function.queues.clear();
    }
    let stack = LocalStack::start_from(without_consumer, options.clone(), FUNCTIONS).await;
    let stack = stack.unwrap_or_else(|error| panic!("{error}"));
    send(&stack, ["a", "b"].map(entry)).await;
    drop(stack);

    let stack = start(options).await;
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "a").await, 1);
    assert_eq!(delivered(&stack, "b").await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn on_request_every_event_comes_twice_and_out_of_order() {
    let folder = Folder::with(TEMPLATE);
    let bus_faults = BusFaults {
        deliver_twice: true,
        shuffle: Some(1),
    };
    let stack = start(Options {
        bus_faults,
        ..folder.options()
    })
    .await;
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    send(&stack, ids.map(entry)).await;
    caught_up(&stack).await;
    let mut order = order(&stack).await;
    assert!(!order.is_sorted());
    order.sort();
    assert_eq!(order, ids.map(|id| [id, id]).concat());
    stack.stop().await;
}

#[tokio::test]
async fn while_the_bus_is_paused_events_wait_in_the_stream() {
    let folder = Folder::with(TEMPLATE);
    let stack = start(folder.options()).await;
    stack.pause_bus();
    let answer = bus(&stack).await.put_events().entries(entry("lost")).send().await;
    assert!(answer.is_err_and(|error| error.into_service_error().is_internal_exception()));
    put(&stack, "kept").await;
    let deadline = Instant::now() + LONGEST_WAIT;
    while !REFUSED.lock().expect("no panic").contains(&"kept".to_owned()) {
        assert!(Instant::now() < deadline, "the relay does not read the item");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(delivered(&stack, "kept").await, 0);
    stack.resume_bus();
    caught_up(&stack).await;
    assert_eq!(order(&stack).await, ["kept"]);
    stack.stop().await;
}

#[tokio::test]
async fn a_function_that_cannot_be_reached_costs_a_message_no_receive() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let folder = Folder::with(TEMPLATE);
    let options = Options {
        remote_functions: Some(format!("http://{address}")),
        ..folder.options()
    };
    let stack = start(options).await;
    send(&stack, [entry("a")]).await;
    // Whoever is there hangs up, as often as it takes to receive a message too often.
    for _ in 0..=MAX_RECEIVES {
        let attempt = tokio::time::timeout(LONGEST_WAIT, listener.accept()).await;
        drop(attempt.expect("an attempt").expect("a connection"));
    }
    assert!(stack.dead_messages().is_empty());

    let records = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&records);
    let handler = move |uri: axum::http::Uri, body: String| {
        assert_eq!(uri.path(), "/2015-03-31/functions/worker/invocations");
        let mut batch: Value = serde_json::from_str(&body).expect("JSON");
        seen.lock().expect("no panic").push(batch["Records"][0].take());
        async { "" }
    };
    let server = tokio::spawn(axum::serve(listener, axum::Router::new().fallback(handler)).into_future());
    caught_up(&stack).await;
    {
        let records = records.lock().expect("no panic");
        let [record] = records.as_slice() else {
            panic!("one record, not {records:?}")
        };
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    }
    stack.stop().await;
    server.abort();
}

/// Counts its invocations, and those that began before another one had ended.
fn clock(environment: &Environment, config: &SdkConfig) -> Result<Function, ConfigError> {
    let deliveries = environment.required("DELIVERIES")?.to_owned();
    let client = Client::new(config);
    let running = Arc::new(AtomicUsize::new(0));
    Ok(Function::new(move |event| {
        let (client, deliveries, running) = (client.clone(), deliveries.clone(), Arc::clone(&running));
        async move {
            let before = running.fetch_add(1, Ordering::SeqCst);
            let id = match (before, event.payload["detail-type"].as_str()) {
                (0, Some("Scheduled Event")) => "tick",
                _ => "wrong",
            };
            // Longer than the time between two firings.
            tokio::time::sleep(Duration::from_millis(1_100)).await;
            count_delivery(&client, &deliveries, id).await?;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Value::Null)
        }
    }))
}

#[tokio::test]
async fn a_schedule_fires_every_second_and_never_twice_at_once() {
    let folder = Folder::with(&format!("{TEMPLATE}{CLOCK}"));
    let functions = [FUNCTIONS[0], FUNCTIONS[1], ("clock", clock as Constructor)];
    let stack = start_with(folder.options(), &functions).await;
    let deadline = Instant::now() + LONGEST_WAIT;
    while delivered(&stack, "tick").await < 3 {
        assert!(Instant::now() < deadline, "the schedule does not fire");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // One may be under way, and is waited for.
    caught_up(&stack).await;
    assert_eq!(delivered(&stack, "wrong").await, 0);
    stack.stop().await;
}

#[cfg(target_os = "linux")] // which has the whole of 127.0.0.0/8
#[tokio::test]
async fn every_service_has_its_port_at_one_more_address() {
    let folder = Folder::with(TEMPLATE);
    let listening = Options {
        listen: Some("127.0.0.2".to_owned()),
        ..folder.options()
    };
    let stack = start(listening.clone()).await;
    let endpoint = stack.events_endpoint().expect("an event bus");
    for host in ["127.0.0.1", "127.0.0.2"] {
        let at = |url: &str| url.replace("127.0.0.1", host);
        let config = dynamodb::local_config(&at(stack.dynamodb_endpoint())).await;
        let tables = Client::new(&config).list_tables().send().await.expect("tables");
        assert!(tables.table_names().contains(&"Items".to_owned()), "{host}");
        let put = eventbridge(&config, &at(endpoint)).put_events().entries(entry(host));
        assert_eq!(put.send().await.expect("an answer").failed_entry_count(), 0, "{host}");
        let answer = reqwest::get(at(stack.url())).await.expect("an answer");
        assert_eq!(answer.status(), 404, "{host}");
    }
    caught_up(&stack).await;
    assert_eq!(order(&stack).await.len(), 2);

    let taken = TcpListener::bind(("127.0.0.2", 0)).await.expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let second = LocalStack::start(Options { port, ..listening }, FUNCTIONS).await;
    let error = second.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(
        error.starts_with(&format!(
            "port {port} of 127.0.0.2 for HTTP requests is taken; set PORT"
        )),
        "{error}"
    );
    stack.stop().await;
}
