use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::HeaderMap;
use lambda_edge::Function;
use serde_json::{Value, json};

use super::*;
use crate::bells::Bells;
use crate::dynamodb::local_config;
use crate::invoke::Functions;
use crate::stack::tests::LONGEST_WAIT;
use crate::template::{FunctionDefinition, StreamTrigger};

/// A stream of an open shard and one that ends at once. The child of the latter is listed from the third time on.
fn answer(action: &str, request: &Value, described: &AtomicUsize) -> Value {
    let shard = |id: &str, parent: Option<&str>| json!({ "ShardId": id, "ParentShardId": parent });
    let iterator = request["ShardIterator"].as_str().unwrap_or_default();
    match action {
        "ListStreams" => json!({ "Streams": [
            { "StreamArn": "arn:stream", "StreamLabel": "2026-01-02" },
            { "StreamArn": "arn:switched-off", "StreamLabel": "2026-01-01" },
        ] }),
        "DescribeStream" => {
            let mut shards = vec![shard("open", None), shard("parent", None)];
            if described.fetch_add(1, Ordering::Relaxed) >= 2 {
                shards.push(shard("child", Some("parent")));
            }
            json!({ "StreamDescription": { "Shards": shards } })
        }
        "GetShardIterator" => json!({ "ShardIterator": request["ShardId"] }),
        "GetRecords" if iterator == "child" => json!({
            "Records": [{ "dynamodb": { "SequenceNumber": "7" } }],
            "NextShardIterator": "behind",
        }),
        "GetRecords" if iterator == "parent" => json!({ "Records": [] }),
        _ => json!({ "Records": [], "NextShardIterator": iterator }),
    }
}

#[tokio::test]
async fn a_child_that_is_listed_late_is_read_although_no_other_shard_ends() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let described = Arc::new(AtomicUsize::new(0));
    let handler = move |headers: HeaderMap, body: String| {
        let target = headers["x-amz-target"].to_str().unwrap_or_default();
        let action = target.rsplit('.').next().unwrap_or_default();
        let request = serde_json::from_str(&body).unwrap_or_default();
        let answer = answer(action, &request, &described).to_string();
        async move { answer }
    };
    let server = tokio::spawn(axum::serve(listener, axum::Router::new().fallback(handler)).into_future());

    let delivered = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&delivered);
    let function = Function::new(move |event| {
        let number = event.payload["Records"][0]["dynamodb"]["SequenceNumber"].clone();
        seen.lock().expect("no panic").push(number);
        async { Ok(Value::Null) }
    });
    let (_sender, stop) = Stop::channel();
    let config = local_config(&endpoint).await;
    let trigger = StreamTrigger {
        name: "E".to_owned(),
        table: "T".to_owned(),
        batch_size: 10,
        filters: Vec::new(),
        reports_item_failures: false,
        bisects_on_error: false,
        max_retries: None,
        max_record_age: None,
        failure_destination: None,
    };
    let definition = FunctionDefinition {
        logical_id: "F".to_owned(),
        binary: "f".to_owned(),
        timeout: Duration::from_secs(1),
        ..FunctionDefinition::default()
    };
    let mut reader = Reader {
        trigger: "f/E".to_owned(),
        streams: Streams::new(&config),
        bell: Bells::default().of_table("T"),
        last_records: LastRecords::new(),
        pace: Pace::ASKING,
        checkpoints: Arc::new(Checkpoints::in_memory()),
        delivery: Delivery {
            function: definition,
            trigger,
            functions: Arc::new(Functions::InProcess([("f".to_owned(), function)].into())),
            failed: Default::default(),
            stop: stop.clone(),
        },
        stop,
        progress: watch::Sender::new(Progress::default()),
        stream: None,
    };
    let deadline = Instant::now() + LONGEST_WAIT;
    while reader.round().await.expect("a round") == 0 {
        assert!(Instant::now() < deadline, "the child is not read");
        tokio::time::sleep(FIRST_PAUSE).await;
    }
    assert_eq!(*delivered.lock().expect("no panic"), ["7"]);
    server.abort();
}
