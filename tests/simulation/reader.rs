//! A reader: asks for orders as they are at least since the last answer that any client has got.

use serde_json::{Value, json};

use super::history::{History, Outcome, Read};
use super::world::{World, pause};

/// Reads until the run is over.
pub async fn run(world: &World, name: &str) {
    let mut instance = world.instance("order-queries", name);
    while !world.is_over() {
        pause(300).await;
        let Some((order_id, min_version)) = newest_known(&world.history.borrow()) else {
            continue;
        };
        let Some(answer) = instance.invoke(event(&world.sample, &order_id, min_version)).await else {
            continue;
        };
        world.history.borrow_mut().reads.push(Read {
            order_id,
            min_version,
            status: answer["statusCode"].as_u64().unwrap(),
            body: serde_json::from_str(answer["body"].as_str().unwrap()).unwrap(),
        });
    }
}

/// An order, and the newest version of it that a client was told of.
fn newest_known(history: &History) -> Option<(String, u64)> {
    let order = fastrand::usize(..history.order_ids.len());
    let versions = history.attempts.iter().filter_map(|attempt| match attempt.outcome {
        Outcome::Accepted { version, .. } if attempt.request.order == order => Some(version),
        _ => None,
    });
    Some((history.order_ids[order].clone()?, versions.max()?))
}

fn event(sample: &Value, order_id: &str, min_version: u64) -> Value {
    let route_key = "GET /orders/{order_id}";
    let mut event = sample.clone();
    event["routeKey"] = json!(route_key);
    event["rawPath"] = json!(format!("/orders/{order_id}"));
    event["rawQueryString"] = json!(format!("min_version={min_version}"));
    event["queryStringParameters"] = json!({ "min_version": min_version.to_string() });
    event["pathParameters"] = json!({ "order_id": order_id });
    event["requestContext"]["routeKey"] = json!(route_key);
    event["requestContext"]["http"]["method"] = json!("GET");
    event
}
