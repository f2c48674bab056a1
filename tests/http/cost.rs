//! What a command costs in requests, as its function makes them: an item with price, name and SKU costs no read, and what others
//! leave out is read together.

use lambda_edge::Function;
use lambda_runtime::Context;
use serde_json::{Value, json};

use crate::support::api::order_body;
use crate::support::{Tables, project};

struct Functions {
    tables: Tables,
    commands: Function,
}

impl Functions {
    /// With a catalogue of some products.
    async fn new(products: u32) -> Self {
        let tables = Tables::new().await;
        let environment = tables.environment("order-commands");
        let commands = order_commands::function(&environment, &tables.config).unwrap();
        let environment = tables.environment("catalogue");
        let catalogue = catalogue::function(&environment, &tables.config).unwrap();
        let product = json!({ "name": "n", "unit_price": 1, "currency": "USD" });
        for n in 0..products {
            let sample = sample(
                "catalogue/put-product",
                &json!({ "product_id": n.to_string() }),
                &product,
                "",
            );
            let answer = catalogue.invoke(sample, Context::default()).await.unwrap();
            assert_eq!(answer["statusCode"], 201, "{answer}");
        }
        Self { tables, commands }
    }

    /// The order's id, and the requests that the command made.
    async fn cost(&self, name: &str, order_id: &str, body: &Value, key: &str) -> (String, Vec<String>) {
        self.tables.proxy.take_operations();
        let sample = sample(
            &format!("order-commands/{name}"),
            &json!({ "order_id": order_id }),
            body,
            key,
        );
        let answer = self.commands.invoke(sample, Context::default()).await.unwrap();
        let operations = self.tables.proxy.take_operations();
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        (body["order_id"].as_str().unwrap_or_default().to_owned(), operations)
    }
}

/// A sample of `events/` with another path, body and idempotency key.
fn sample(name: &str, path: &Value, body: &Value, key: &str) -> Value {
    let file = project().join("events").join(format!("{name}.json"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    event["pathParameters"] = path.clone();
    event["body"] = json!(body.to_string());
    if !key.is_empty() {
        event["headers"]["idempotency-key"] = json!(key);
    }
    event
}

fn order_of(items: Value) -> Value {
    let mut body = order_body();
    body["items"] = items;
    body
}

fn unpriced(product: u32) -> Value {
    json!({ "product_id": product.to_string(), "quantity": 1 })
}

fn whole(id: &str) -> Value {
    json!({ "product_id": id, "quantity": 1, "unit_price": 1, "product_name": "n", "sku": "s" })
}

#[tokio::test]
async fn items_that_leave_nothing_out_cost_no_read() {
    let functions = Functions::new(0).await;
    for items in [json!([whole("11")]), json!([])] {
        let (id, made) = functions.cost("create-order", "", &order_of(items), "").await;
        assert_eq!(made, ["PutItem"]);
        let (_, made) = functions.cost("add-order-item", &id, &whole("42"), "key-2").await;
        assert_eq!(made, ["Query", "PutItem"]);
    }
    let order = order_of(json!([whole("11")]));
    let (_, made) = functions.cost("create-order", "", &order, "key-1").await;
    assert_eq!(made, ["PutItem"]);
}

#[tokio::test]
async fn all_items_that_leave_something_out_are_looked_up_together_and_the_customer_with_them() {
    let functions = Functions::new(101).await;
    let items = json!([unpriced(1), unpriced(2), unpriced(1), whole("x")]);
    let (id, made) = functions.cost("create-order", "", &order_of(items), "").await;
    assert_eq!(made, ["BatchGetItem", "PutItem"]);
    let (_, made) = functions.cost("add-order-item", &id, &unpriced(3), "").await;
    assert_eq!(made, ["Query", "BatchGetItem", "PutItem"]);
    // 100 keys a request.
    let (_, made) = functions
        .cost("create-order", "", &order_of((0..101).map(unpriced).collect()), "")
        .await;
    assert_eq!(made, ["BatchGetItem", "BatchGetItem", "PutItem"]);
}

#[tokio::test]
async fn a_repetition_asks_no_more_than_the_first_request_and_for_what_the_key_did() {
    let functions = Functions::new(1).await;
    let order = order_of(json!([unpriced(0)]));
    let (id, made) = functions.cost("create-order", "", &order, "key-1").await;
    assert_eq!(made, ["BatchGetItem", "PutItem"]);
    let (again, made) = functions.cost("create-order", "", &order, "key-1").await;
    assert_eq!(again, id);
    assert_eq!(made, ["BatchGetItem", "PutItem", "Query"]);
    functions.cost("add-order-item", &id, &unpriced(0), "key-2").await;
    let (_, made) = functions.cost("add-order-item", &id, &unpriced(0), "key-2").await;
    assert_eq!(made, ["Query"]);
}
