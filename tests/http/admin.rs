//! What operators do: redrive parked aggregates, look for events.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::Order;
use event_store::EventStore;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{options, order_body};
use crate::support::orders::{added, metadata};
use crate::support::{Answer, Api, SHARDS};

fn store(api: &Api) -> EventStore {
    EventStore::new(api.stack.dynamodb(), "EventStore", SHARDS)
}

async fn put(api: &Api, item: HashMap<String, AttributeValue>) {
    let dynamodb = api.stack.dynamodb();
    dynamodb
        .put_item()
        .table_name("EventStore")
        .set_item(Some(item))
        .send()
        .await
        .unwrap();
}

/// An order whose second event nobody knows. Returns its id and the item that the event should have been.
async fn damaged_order(api: &Api) -> (String, HashMap<String, AttributeValue>) {
    let id = api.create_order().await;
    // Appended to another order, and moved to this one.
    let helper = api.create_order().await;
    store(api)
        .append::<Order>(&helper, 1, &[added("42", 1)], &metadata())
        .await
        .unwrap();
    let key = [
        ("AggregateId", AttributeValue::S(helper)),
        ("Version", AttributeValue::N("2".to_owned())),
    ];
    let found = api.stack.dynamodb().get_item().table_name("EventStore");
    let found = key
        .into_iter()
        .fold(found, |request, (name, value)| request.key(name, value));
    let mut good = found.send().await.unwrap().item.unwrap();
    good.insert("AggregateId".to_owned(), AttributeValue::S(id.clone()));

    let mut bad = good.clone();
    bad.insert("EventData".to_owned(), AttributeValue::S("nonsense".to_owned()));
    put(api, bad).await;
    api.stack.caught_up().await.unwrap();
    (id, good)
}

async fn parked(api: &Api) -> Vec<Value> {
    let answer = api.get("/admin/parked").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"].as_array().unwrap().clone()
}

async fn redrive(api: &Api, id: &str) -> Answer {
    api.post_empty(&format!("/admin/parked/order-summary/{id}/redrive"))
        .await
}

#[tokio::test]
async fn a_parked_order_is_redriven_once_its_cause_is_mended_with_all_that_happened_meanwhile() {
    let api = Api::start_without_relay().await;
    let (id, good) = damaged_order(&api).await;

    let entries = parked(&api).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0]["projection"], &entries[0]["aggregate_id"]),
        (&json!("order-summary"), &json!(id))
    );
    assert!(
        entries[0]["error"]
            .as_str()
            .unwrap()
            .contains("OrderItemAdded cannot be decoded")
    );
    assert_eq!(entries[0]["keys"], json!({ "AggregateId": id, "Version": "2" }));
    let entry = api.get(&format!("/admin/parked/order-summary/{id}")).await;
    assert_eq!((entry.status, &entry.body), (200, &entries[0]));

    // As long as the cause lasts, so does the entry.
    redrive(&api, &id).await.assert_problem(409, "still_failing");
    let again = parked(&api).await;
    assert_eq!(again[0]["error"], entries[0]["error"]);
    assert!(again[0]["parked_at"].as_str() > entries[0]["parked_at"].as_str());
    assert_eq!(api.get(&format!("/orders/{id}")).await.body["version"], 1);

    // The cause is mended, and the order has moved on meanwhile.
    put(&api, good).await;
    store(&api)
        .append::<Order>(&id, 2, &[added("72", 3)], &metadata())
        .await
        .unwrap();
    let redriven = redrive(&api, &id).await;
    assert_eq!((redriven.status, &redriven.body["message"]), (200, &json!("Projected")));
    api.stack.caught_up().await.unwrap();

    assert!(parked(&api).await.is_empty());
    redrive(&api, &id).await.assert_problem(404, "not_parked");
    let order = api.get(&format!("/orders/{id}")).await.body;
    assert_eq!((&order["version"], &order["item_count"]), (&json!(3), &json!(3)));
    let orders = api.get("/customers/VINET/orders").await.body;
    let row = orders["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["order_id"] == json!(id))
        .unwrap();
    assert_eq!(row["version"], 3);
}

/// The row stands behind the event that cannot be read, so nothing would have to be read to keep it.
#[tokio::test]
async fn an_entry_stays_as_long_as_its_cause_wherever_the_row_stands() {
    let api = Api::start().await;
    let id = api.create_order().await;
    store(&api)
        .append::<Order>(&id, 1, &[added("42", 1)], &metadata())
        .await
        .unwrap();
    api.order_at(&id, 2).await;
    let events = api.stack.dynamodb().query().table_name("EventStore");
    let events = events.key_condition_expression("AggregateId = :id AND Version = :two");
    let events = events.expression_attribute_values(":id", AttributeValue::S(id.clone()));
    let events = events.expression_attribute_values(":two", AttributeValue::N("2".to_owned()));
    let good = events.send().await.unwrap().items.unwrap().remove(0);
    let mut bad = good.clone();
    bad.insert("EventVersion".to_owned(), AttributeValue::N("9".to_owned()));
    put(&api, bad).await;
    let entry = [
        ("Projection", "order-summary"),
        ("AggregateId", &id),
        ("ParkedAt", "2026-11-20T12:00:00.000000Z"),
    ];
    let entry = entry.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    let park = api.stack.dynamodb().put_item().table_name("ParkedEvents");
    park.set_item(Some(entry.into())).send().await.unwrap();

    redrive(&api, &id).await.assert_problem(409, "still_failing");
    assert_eq!(api.get(&format!("/orders/{id}")).await.body["version"], 2);
    put(&api, good).await;
    assert_eq!(redrive(&api, &id).await.status, 200);
    assert!(parked(&api).await.is_empty());
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_does_not_hide_the_others() {
    let api = Api::start().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for (aggregate_id, error) in [("a/b c", AttributeValue::N("1".to_owned())), ("fine", text("a reason"))] {
        let park = api.stack.dynamodb().put_item().table_name("ParkedEvents");
        let park = park
            .item("Projection", text("ghost"))
            .item("AggregateId", text(aggregate_id));
        park.item("Error", error).send().await.unwrap();
    }
    let mut errors: Vec<_> = parked(&api)
        .await
        .iter()
        .map(|entry| entry["error"].to_string())
        .collect();
    errors.sort_unstable();
    assert!(
        errors[0].contains("a reason") && errors[1].contains("cannot be read"),
        "{errors:?}"
    );
    let redriven = api.post_empty("/admin/parked/redrive").await;
    assert_eq!((redriven.status, &redriven.body["still_failing"]), (200, &json!(2)));
}

/// What the bus was not told, it is told once the event can be read.
#[tokio::test]
async fn what_the_relay_has_parked_is_told_once_its_cause_is_mended() {
    let api = Api::start_with(options(true)).await;
    let order_id = api.create_order().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let created = api.stack.dynamodb().get_item().table_name("EventStore");
    let created = created.key("AggregateId", text(&order_id)).key("Version", number("1"));
    let mut good = created.send().await.unwrap().item.unwrap();
    let data = HashMap::from([("payment_method_id".to_owned(), text("pm_visa"))]);
    for (name, value) in [
        ("Version", number("2")),
        ("EventId", text(&Uuid::now_v7().to_string())),
        ("EventType", text("OrderSubmitted")),
        ("EventVersion", number("2")),
        ("EventData", AttributeValue::M(data)),
    ] {
        good.insert(name.to_owned(), value);
    }
    let mut bad = good.clone();
    bad.insert("EventData".to_owned(), text("nonsense"));
    put(&api, bad).await;
    api.stack.caught_up().await.unwrap();
    let path = format!("/admin/parked/event-relay/{order_id}");
    assert_eq!(api.get(&path).await.status, 200);
    api.post_empty(&format!("{path}/redrive"))
        .await
        .assert_problem(409, "still_failing");

    put(&api, good).await;
    // Told by the redrive, not by the stream, which does not show an item that was put back.
    assert_eq!(api.post_empty(&format!("{path}/redrive")).await.status, 200);
    api.eventually(&format!("/orders/{order_id}/fulfilment"), |answer| answer.status == 200)
        .await;
    api.get(&path).await.assert_problem(404, "not_parked");
}

#[tokio::test]
async fn everything_that_is_parked_is_redriven_page_by_page() {
    let api = Api::start_without_relay().await;
    let mut mended = Vec::new();
    for n in 0..3 {
        let (id, good) = damaged_order(&api).await;
        if n > 0 {
            put(&api, good).await;
            mended.push(id);
        }
    }
    assert_eq!(parked(&api).await.len(), 3);

    let (mut redriven, mut still_failing) = (0, 0);
    let mut query = "page_size=2".to_owned();
    loop {
        let page = api.post_empty(&format!("/admin/parked/redrive?{query}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        redriven += page.body["redriven"].as_u64().unwrap();
        still_failing += page.body["still_failing"].as_u64().unwrap();
        match page.body["next_cursor"].as_str() {
            Some(cursor) => query = format!("page_size=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((redriven, still_failing), (2, 1));
    assert_eq!(parked(&api).await.len(), 1);
    for id in mended {
        assert_eq!(api.get(&format!("/orders/{id}")).await.body["version"], 2);
    }
}

#[tokio::test]
async fn events_are_found_by_type_correlation_and_time_page_by_page() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let create = api.request(Method::POST, "/orders").json(&order_body());
        let created = Answer::of(create.header("x-correlation-id", format!("basket-{}", n % 2))).await;
        let id = created.body["order_id"].as_str().unwrap().to_owned();
        api.post_empty(&format!("/orders/{id}/submit")).await;
        ids.push(id);
    }
    let all_pages = async |query: &str| {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = api.get(&format!("/events?page_size=2&{query}{cursor}")).await;
            assert_eq!(page.status, 200, "{}", page.body);
            found.extend(page.body["data"].as_array().unwrap().clone());
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let created = all_pages("type=OrderCreated").await;
    let orders: Vec<_> = created
        .iter()
        .map(|event| event["order_id"].as_str().unwrap())
        .collect();
    assert_eq!(orders, ids);
    assert_eq!(all_pages("").await.len(), 10);
    assert_eq!(
        all_pages("correlation_id=basket-1&from=2020-01-01T00:00:00Z")
            .await
            .len(),
        2
    );
    let third = created[2]["timestamp"].as_str().unwrap();
    assert_eq!(
        all_pages(&format!("type=OrderCreated&from={third}")).await,
        created[2..]
    );
    assert_eq!(all_pages(&format!("type=OrderCreated&to={third}")).await, created[..2]);
    assert_eq!(
        all_pages("to=9999-12-31T23:59:59Z&from=2999-01-01T00:00:00Z").await,
        [""; 0].map(Value::from)
    );

    for (query, field) in [
        ("type=OrderLost", "type"),
        ("from=yesterday", "from"),
        ("to=1", "to"),
        ("kind=x", "kind"),
        ("correlation_id=basket-1", "from"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
    ] {
        let answer = api.get(&format!("/events?{query}")).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), [field]);
    }
    let cursor = api.get("/events?page_size=1").await.body["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    api.get(&format!("/events?type=OrderCreated&cursor={cursor}"))
        .await
        .assert_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn what_is_not_parked_is_404_and_a_foreign_cursor_400() {
    let api = Api::start().await;
    api.get("/admin/parked/order-summary/none")
        .await
        .assert_problem(404, "not_parked");
    api.post_empty("/admin/parked/nowhere/none/redrive")
        .await
        .assert_problem(404, "not_parked");
    api.get("/admin/parked?cursor=abc")
        .await
        .assert_problem(400, "invalid_cursor");
    assert_eq!(parked(&api).await, [""; 0].map(Value::from));
}

#[tokio::test]
async fn projections_that_have_caught_up_have_no_lag_and_the_newest_event() {
    let api = Api::start().await;
    let id = api.create_order().await;
    api.post_empty(&format!("/orders/{id}/submit")).await;
    api.stack.caught_up().await.unwrap();
    let answer = api.get("/projections").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let event = &api.get(&format!("/orders/{id}/events")).await.body["data"][1];
    let last_event = json!({ "aggregate_id": id, "version": 2, "at": event["timestamp"] });
    let expected = ["order-summary", "customer-orders", "order-index", "event-relay"].map(|name| {
        json!({ "projection": name, "last_event": last_event, "lag_ms": 0, "oldest_unapplied_at": null, "parked": 0 })
    });
    assert_eq!(answer.body["data"], json!(expected));
    api.get("/projections?page_size=3")
        .await
        .assert_problem(400, "malformed_parameter");
}

/// A key of DynamoDB has at most 1,024 bytes, or 2,048.
#[tokio::test]
async fn a_name_that_can_be_no_key_is_400() {
    let api = Api::start().await;
    let long = "x".repeat(3_000);
    for (path, field) in [
        (format!("order-summary/{long}"), "aggregate_id"),
        (format!("{long}/1"), "projection"),
    ] {
        let answer = api.get(&format!("/admin/parked/{path}")).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), [field]);
    }
}
