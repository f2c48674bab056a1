//! What is logged of a request: enough to find it, and nothing of its payload.

use std::io::Write;
use std::sync::{Arc, Mutex};

use lambda_edge::telemetry::json_lines;
use lambda_runtime::Context;
use serde_json::Value;
use tracing::{Dispatch, Level};

use crate::support::{Tables, project};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_is_one_json_line_without_its_payload() {
    let tables = Tables::new().await;
    let function = order_commands::function(&tables.environment("order-commands"), &tables.config).unwrap();
    let sample = std::fs::read_to_string(project().join("events/order-commands/create-order.json")).unwrap();
    let mut context = Context::default();
    context.request_id = "request-1".to_owned();

    // With a single subscriber in the process, tracing asks that of the thread that first meets a log statement, and
    // the other tests' threads have none.
    let _second = Dispatch::new(json_lines(std::io::sink, Level::INFO));
    let lines = Lines::default();
    let writer = lines.clone();
    let logging = tracing::subscriber::set_default(json_lines(move || writer.clone(), Level::INFO));
    let answer = function
        .invoke(serde_json::from_str(&sample).unwrap(), context)
        .await
        .unwrap();
    drop(logging);

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let request = records.iter().find(|record| record["message"] == "request").unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(request["request_id"], "request-1");
    assert_eq!(request["correlation_id"], "sample-post-orders");
    assert_eq!(request["route"], "POST /orders");
    assert_eq!(request["order_id"], body["order_id"]);
    assert_eq!(request["outcome"], "ok");
    assert!(request["duration_ms"].is_u64());
    for private in ["VINET", "Reims", "Queso", "14.00", "Abbaye"] {
        assert!(!log.contains(private), "the log tells of {private}: {log}");
    }
}
