//! Who is calling: API Gateway says so, and locally nobody needs to.

use lambda_edge::Environment;
use lambda_runtime::Context;
use serde_json::{Value, json};

use crate::support::{Tables, project};

fn create_order_event() -> Value {
    let file = project().join("events/order-commands/create-order.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

async fn answer(tables: &Tables, env: &Environment, event: Value) -> Value {
    let function = order_commands::function(env, &tables.config).unwrap();
    function.invoke(event, Context::default()).await.unwrap()
}

/// The environment in AWS, where `LOCAL_CALLER` is never set.
fn deployed(tables: &Tables) -> Environment {
    let env = tables.environment("order-commands");
    [
        "EVENT_STORE_TABLE",
        "EVENT_TYPE_SHARDS",
        "SNAPSHOTS_TABLE",
        "SNAPSHOT_EVERY",
        "PRODUCTS_TABLE",
        "CUSTOMERS_TABLE",
        "DEAD_MESSAGES",
    ]
    .map(|name| (name.to_owned(), env.required(name).unwrap().to_owned()))
    .into_iter()
    .collect()
}

#[tokio::test]
async fn a_request_without_an_authorizer_is_401_in_aws_and_local_locally() {
    let tables = Tables::new().await;
    let mut event = create_order_event();
    event["requestContext"].as_object_mut().unwrap().remove("authorizer");

    let refused = answer(&tables, &deployed(&tables), event.clone()).await;
    assert_eq!(refused["statusCode"], 401);
    let problem: Value = serde_json::from_str(refused["body"].as_str().unwrap()).unwrap();
    assert_eq!(problem["code"], "unauthenticated");
    assert!(tables.items("EventStore").await.is_empty());

    let accepted = answer(&tables, &tables.environment("order-commands"), event).await;
    assert_eq!(accepted["statusCode"], 201);
    assert_eq!(tables.items("EventStore").await[0]["UserId"].as_s().unwrap(), "local");
}

#[tokio::test]
async fn the_tokens_subject_and_tenant_are_recorded() {
    let tables = Tables::new().await;
    let mut event = create_order_event();
    event["requestContext"]["authorizer"]["jwt"]["claims"] = json!({ "sub": "user-1", "tenant_id": "tenant-1" });
    assert_eq!(
        answer(&tables, &deployed(&tables), event.clone()).await["statusCode"],
        201
    );
    let stored = &tables.items("EventStore").await[0];
    assert_eq!(stored["UserId"].as_s().unwrap(), "user-1");
    assert_eq!(stored["TenantId"].as_s().unwrap(), "tenant-1");

    // A token without a subject names nobody.
    event["requestContext"]["authorizer"]["jwt"]["claims"] = json!({});
    assert_eq!(answer(&tables, &deployed(&tables), event).await["statusCode"], 401);
}

#[tokio::test]
async fn a_path_that_no_gateway_matched_is_matched_by_the_function() {
    let tables = Tables::new().await;
    let mut event = create_order_event();
    for place in ["routeKey", "pathParameters"] {
        event.as_object_mut().unwrap().remove(place);
    }
    event["requestContext"]["routeKey"] = json!("$default");
    assert_eq!(
        answer(&tables, &deployed(&tables), event.clone()).await["statusCode"],
        201
    );
    event["rawPath"] = json!("/orders/not-a-uuid/submit");
    event.as_object_mut().unwrap().remove("body");
    let answer = answer(&tables, &deployed(&tables), event).await;
    let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&answer["statusCode"], &problem["errors"][0]["field"]),
        (&json!(400), &json!("order_id"))
    );
}
