//! Every message on the bus is as its schema says, and none is a stored event.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use jsonschema::Validator;
use local_stack::Options;
use messages::Body;
use serde_json::{Value, json};

use super::body;
use crate::support::api::{address, options};
use crate::support::{Api, TestFolder, project};

/// The queue of a listener that gets everything.
const EVERYTHING: &str = "Everything";

/// By type, and that of the envelope under `Message`: one for each type that there is, in its version.
fn schemas() -> BTreeMap<String, Value> {
    let types = Body::TYPES.iter().chain(&[("Message", 1)]);
    let schema = |(name, version): &(&str, u32)| {
        let file = project().join(format!("shared/messages/schemas/{name}.v{version}.json"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(schema["$id"], format!("urn:ordermaster:{name}:{version}"));
        ((*name).to_owned(), schema)
    };
    types.map(schema).collect()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
}

/// A stack with one more rule and queue, for everything.
async fn overheard() -> Api {
    let types: Vec<_> = schemas().into_keys().collect();
    let listener = json!({
        "Queue": { "Type": "AWS::SQS::Queue" },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventBusName": "orders",
                "EventPattern": { "detail-type": types },
                "Targets": [{ "Id": "everything", "Arn": { "Fn::GetAtt": [EVERYTHING, "Arn"] } }],
            },
        },
    });
    let resources = format!(
        "\nResources:\n  {EVERYTHING}: {}\n  {EVERYTHING}Rule: {}\n",
        listener["Queue"], listener["Rule"]
    );
    let template = std::fs::read_to_string(project().join("template.yaml")).unwrap();
    let folder = TestFolder::new();
    let file = folder.path("template.yaml");
    std::fs::write(&file, template.replacen("\nResources:\n", &resources, 1)).unwrap();
    let mut parameters = options(true).parameters;
    parameters.insert("StepTimeouts".to_owned(), "choose_payment:1".to_owned());
    Api::start_with(Options {
        template: file,
        parameters,
        ..options(true)
    })
    .await
}

/// Everything that the listener got.
async fn heard(api: &Api) -> Vec<Value> {
    let mut pages = api
        .stack
        .dynamodb()
        .query()
        .table_name("LocalStackMessages")
        .key_condition_expression("#queue = :queue")
        .expression_attribute_names("#queue", "Queue")
        .expression_attribute_values(":queue", AttributeValue::S(EVERYTHING.to_owned()))
        .into_paginator()
        .items()
        .send();
    let mut heard = Vec::new();
    while let Some(item) = pages.next().await {
        heard.push(serde_json::from_str(item.unwrap()["Body"].as_s().unwrap()).unwrap());
    }
    heard
}

#[tokio::test]
async fn every_message_is_valid_and_tells_nothing_of_how_events_are_stored() {
    let api = overheard().await;
    api.stock_up("A-1", 10).await;
    let shipped = api.submit(body(&[("A-1", 3)]), "pm_visa").await;
    api.fulfilment_is(&shipped, "awaiting_shipment").await;
    // The request for the shipment has the address of when it is told. Whoever packs it hears of the new one by itself.
    api.stack.caught_up().await.unwrap();
    let paris = json!({ "street": "1 quai de Seine", "city": "Paris" });
    let correct = api
        .put(&format!("/orders/{shipped}/shipping-address"), paris.clone())
        .await;
    assert_eq!(correct.status, 200, "{}", correct.body);
    api.ship(&shipped).await;
    api.fulfilment_is(&shipped, "completed").await;
    assert_eq!(api.post_empty(&format!("/orders/{shipped}/deliver")).await.status, 200);
    // What nobody has heard of yet need not be corrected; it is asked for with the newest address.
    let created = api.post("/orders", body(&[("A-1", 3)])).await;
    let refunded = created.body["order_id"].as_str().unwrap().to_owned();
    let refunded_path = |step: &str| format!("/orders/{refunded}/{step}");
    assert_eq!(api.put(&refunded_path("shipping-address"), paris).await.status, 200);
    assert_eq!(
        api.post(&refunded_path("submit"), json!({ "payment_method_id": "pm_visa" }))
            .await
            .status,
        200
    );
    api.fulfilment_is(&refunded, "awaiting_shipment").await;
    api.cancel(&refunded).await;
    let declined = api.submit(body(&[("A-1", 3)]), "pm_declined").await;
    let short = api.submit(body(&[("A-1", 99)]), "pm_visa").await;
    for order_id in [&refunded, &declined, &short] {
        api.fulfilment_is(order_id, "cancelled").await;
    }
    let voided = api.submit(body(&[("A-1", 1)]), "pm_slow").await;
    api.fulfilment_when(&voided, |fulfilment| fulfilment["payment"]["status"] == "requested")
        .await;
    api.cancel(&voided).await;
    api.fulfilment_is(&voided, "cancelled").await;
    let item = json!({ "product_id": "P", "quantity": 1, "unit_price": "0" });
    let free = json!({ "customer_id": "VINET", "items": [item], "shipping_address": address() });
    let free = api.submit(free, "pm_visa").await;
    api.fulfilment_is(&free, "awaiting_shipment").await;
    let kept = api.submit(body(&[("A-1", 1)]), "pm_refund_refused").await;
    api.fulfilment_is(&kept, "awaiting_shipment").await;
    api.cancel(&kept).await;
    api.fulfilment_is(&kept, "needs_attention").await;
    let undecided = api.create_order().await;
    api.post_empty(&format!("/orders/{undecided}/submit")).await;
    api.fulfilment_is(&undecided, "cancelled").await;
    api.stack.caught_up().await.unwrap();

    let schemas = schemas();
    let validators: BTreeMap<_, _> = schemas
        .iter()
        .map(|(name, schema)| (name.as_str(), validator(schema)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut cities = BTreeSet::new();
    for event in heard(&api).await {
        let message = &event["detail"];
        let kind = message["type"].as_str().unwrap();
        assert_eq!(event["detail-type"], kind);
        assert_eq!(
            event["source"],
            format!("ordermaster{}", message["source"].as_str().unwrap().replace('/', "."))
        );
        for (name, value) in [("Message", message), (kind, &message["data"])] {
            let errors: Vec<_> = validators[name]
                .iter_errors(value)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{kind}: {errors:?} in {value}");
        }
        for stored in ["EventData", "EventType", "EventVersion", "AggregateType", "RequestHash"] {
            assert!(!message.to_string().contains(stored), "{kind} has {stored}");
        }
        seen.insert(kind.to_owned());
        if let Some(city) = message["data"]["shipping_address"]["city"].as_str() {
            let of = [(&shipped, "shipped"), (&refunded, "refunded")];
            let of = of.into_iter().find(|(id, _)| message["data"]["order_id"] == ***id);
            cities.extend(of.map(|(_, name)| format!("{name} {kind} {city}")));
        }
    }
    let expected: BTreeSet<_> = schemas.into_keys().filter(|name| name != "Message").collect();
    assert_eq!(seen, expected);
    let cities: Vec<_> = cities.iter().map(String::as_str).collect();
    assert_eq!(
        cities,
        [
            "refunded OrderSubmitted Paris",
            "refunded ShipmentRequested Paris",
            "shipped OrderShippingAddressCorrected Paris",
            "shipped OrderSubmitted Reims",
            "shipped ShipmentRequested Reims",
        ]
    );
}
