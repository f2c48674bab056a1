//! Putting messages on the bus: those that it did not take are put again, and no others.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use domain::order::OrderId;
use event_bus::Bus;
use local_stack::dynamodb::local_config;
use messages::events::PaymentCancelled;
use messages::{Body, Message};
use serde_json::{Value, json};
use uuid::Uuid;

/// The subjects of each request.
type Requests = Arc<Mutex<Vec<Vec<String>>>>;

/// Refuses the entry with the subject `b` once, and the one with the subject `d` always.
async fn put_events(State(requests): State<Requests>, body: String) -> Json<Value> {
    let request: Value = serde_json::from_str(&body).unwrap();
    let subject = |entry: &Value| {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        detail["subject"].as_str().unwrap().to_owned()
    };
    let subjects: Vec<String> = request["Entries"].as_array().unwrap().iter().map(subject).collect();
    let mut requests = requests.lock().unwrap();
    let is_first = requests.is_empty();
    let results: Vec<Value> = subjects
        .iter()
        .map(|subject| match subject.as_str() {
            "b" if is_first => json!({ "ErrorCode": "ThrottlingException" }),
            "d" => json!({ "ErrorCode": "InternalFailure" }),
            _ => json!({ "EventId": Uuid::now_v7() }),
        })
        .collect();
    requests.push(subjects);
    let failed = results.iter().filter(|result| result["EventId"].is_null()).count();
    Json(json!({ "FailedEntryCount": failed, "Entries": results }))
}

#[tokio::test]
async fn only_the_entries_that_failed_are_put_again() {
    let requests = Requests::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(put_events).with_state(requests.clone());
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let environment = [("EVENT_BUS", "orders"), ("AWS_ENDPOINT_URL_EVENTBRIDGE", &endpoint)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let bus = Bus::from_env(&environment.into_iter().collect(), &local_config(&endpoint).await).unwrap();

    let order_id = OrderId(Uuid::now_v7());
    let message = |subject: &str| {
        let body = Body::PaymentCancelled(PaymentCancelled { order_id });
        Message::new(Uuid::now_v7(), subject, chrono::Utc::now(), body)
    };
    let messages: Vec<_> = ["a", "b", "c", "d"].map(message).to_vec();
    let results = bus.put(&messages).await;
    let taken: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, true, true, false]);
    assert_eq!(
        *requests.lock().unwrap(),
        [vec!["a", "b", "c", "d"], vec!["b", "d"], vec!["d"]]
    );
    server.abort();
}
