//! The replay function: requested directly, carried on through the stream of the Replays table.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use domain::order::Order;
use event_store::EventStore;
use lambda_edge::Function;
use lambda_runtime::Context;
use local_stack::dynamodb::local_config;
use operations::{Plan, Purpose, Replay, Replayer, Scope, Status};
use serde_json::{Value, json};

use super::orders;
use crate::projections::{assert_rows_are_folds, deliver, stream_records};
use crate::support::orders::{added, metadata};
use crate::support::{Api, LONGEST_WAIT, SHARDS, Tables, TestFolder, project};

fn function(tables: &Tables) -> Function {
    replay::function(&tables.environment("replay"), &tables.config).unwrap()
}

async fn invoke(tables: &Tables, payload: Value) -> Result<Value, String> {
    let answer = function(tables).invoke(payload, Context::default()).await;
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_replay_is_requested_carried_out_by_the_stream_and_asked_after() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 6).await;
    let requested = invoke(&tables, json!({})).await.unwrap();
    assert_eq!(
        (&requested["status"], &requested["purpose"]),
        (&json!("requested"), &json!("rebuild"))
    );

    let records = stream_records(&tables, "Replays").await;
    assert_eq!(deliver(&tables, "replay", &records).await, [""; 0]);
    assert_rows_are_folds(&tables, &ids).await;
    let asked = invoke(&tables, json!({ "replay_id": requested["replay_id"] }))
        .await
        .unwrap();
    assert_eq!(
        (&asked["status"], &asked["orders"], &asked["rows_written"]),
        (
            &json!("done"),
            &json!(6),
            &json!(6 * super::replayer(&tables).read_models().len())
        )
    );

    // The request comes again, as any record may.
    tables.proxy.take_operations();
    assert_eq!(deliver(&tables, "replay", &records).await, [""; 0]);
    assert_eq!(tables.proxy.take_operations(), ["GetItem"]);
}

#[tokio::test]
async fn a_verification_says_which_rows_differ() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 2).await;
    let request = json!({ "purpose": "verify", "read_models": ["order-summary"], "order_id": ids[1] });
    let requested = invoke(&tables, request).await.unwrap();
    deliver(&tables, "replay", &stream_records(&tables, "Replays").await).await;
    let asked = invoke(&tables, json!({ "replay_id": requested["replay_id"] }))
        .await
        .unwrap();
    assert_eq!(
        asked["differences"],
        json!([{ "read_model": "order-summary", "order_id": ids[1], "what": "missing" }])
    );
    assert!(tables.items("OrderSummary").await.is_empty());
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_by_its_field() {
    let tables = Tables::new().await;
    for (request, expected) in [
        (json!({ "read_models": ["orders"] }), "read_models must be some of"),
        (json!({ "read_models": [] }), "read_models must be some of"),
        (json!({ "segments": 0 }), "segments must be 1 to 64"),
        (json!({ "segments": 65 }), "segments must be 1 to 64"),
        (json!({ "batch": 0 }), "batch must be 1 to 10000"),
        (json!({ "since": "yesterday" }), "not a request"),
        (json!({ "order_id": "7" }), "not a request"),
        (json!({ "purpose": "delete" }), "not a request"),
        (json!({ "sement": 1 }), "unknown field `sement`"),
        (json!({ "replay_id": "no such" }), "there is no replay no such"),
        (
            json!({ "since": "2026-11-20T00:00:00Z", "order_id": "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c" }),
            "since and order_id exclude each other",
        ),
    ] {
        let refused = invoke(&tables, request.clone()).await.unwrap_err();
        assert!(refused.contains(expected), "{request}: {refused}");
    }
    assert!(tables.items("Replays").await.is_empty());
}

/// As in AWS, with a time limit that is too short for the whole of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_reaches_its_time_limit_goes_on_by_itself() {
    let template = std::fs::read_to_string(project().join("template.yaml")).unwrap();
    assert!(template.contains("Timeout: 900"));
    let folder = TestFolder::new();
    let short = folder.path("template.yaml");
    std::fs::write(&short, template.replace("Timeout: 900", "Timeout: 1")).unwrap();
    let api = Api::start_with(run::in_memory(short)).await;
    let store = EventStore::new(api.stack.dynamodb(), "EventStore", SHARDS);
    let events: Vec<_> = (0..20).map(|n| added(&format!("p{n}"), 1)).collect();
    for _ in 0..50 {
        let id = api.create_order().await;
        store.append::<Order>(&id, 1, &events, &metadata()).await.unwrap();
    }

    let tables = Tables::new().await;
    let config = local_config(api.stack.dynamodb_endpoint()).await;
    let replayer = Replayer::from_env(&tables.environment("replay"), Client::new(&config)).unwrap();
    let plan = Plan {
        // Slowly, so that there is something left when the time is up.
        segments: 1,
        batch: 1,
        ..Plan::new(Purpose::Verify, Scope::Everything, &replayer.read_models())
    };
    let requested = replayer.create(plan, Status::Requested).await.unwrap();
    let done = until_done(&replayer, &requested.replay_id).await;
    assert!(done.run > 1, "one run was enough: {done:?}");
    assert_eq!((done.counts.orders, done.differences), (50, vec![]));
}

async fn until_done(replayer: &Replayer, replay_id: &str) -> Replay {
    let deadline = Instant::now() + LONGEST_WAIT;
    loop {
        let replay = replayer.replays().get(replay_id).await.unwrap().unwrap();
        if replay.status == Status::Done {
            return replay;
        }
        assert!(Instant::now() < deadline, "still {replay:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
