//! Customers, and their names in whole orders.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{behind_proxy, order_body};
use crate::support::{Answer, Api};

fn customer(name: &str) -> Value {
    json!({ "name": name, "email": "chevalier@example.com" })
}

async fn ask(api: &Api, path: &str, known: &str) -> Answer {
    Answer::of(api.request(Method::GET, path).header("if-none-match", known)).await
}

#[tokio::test]
async fn a_customer_is_created_replaced_and_read() {
    let api = Api::start().await;
    let path = "/customers/VINET";
    api.get(path).await.assert_problem(404, "customer_not_found");
    let created = api.put(path, customer("Vins et alcools")).await;
    assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")));
    let mut expected = customer("Vins et alcools");
    expected["customer_id"] = json!("VINET");
    expected["version"] = json!(1);
    expected["retired"] = json!(false);
    expected["updated_at"] = created.body["updated_at"].clone();
    assert_eq!(created.body, expected);
    assert_eq!(api.get(path).await.body, expected);

    let replaced = api.put(path, json!({ "name": "Chevalier" })).await;
    assert_eq!((replaced.status, &replaced.body["email"]), (200, &Value::Null));
    assert_eq!(api.get(path).await.body, replaced.body);
    assert_eq!(ask(&api, path, "\"2\"").await.status, 304);

    let stale = api.request(Method::PUT, path).header("if-match", "\"1\"");
    Answer::of(stale.json(&customer("Other")))
        .await
        .assert_problem(412, "version_mismatch");
    let repeated = api.request(Method::PUT, path).header("if-match", "\"1\"");
    let repeated = Answer::of(repeated.json(&json!({ "name": "Chevalier" }))).await;
    assert_eq!((repeated.status, repeated.body), (200, replaced.body));
}

#[tokio::test]
async fn an_invalid_customer_is_422_and_names_the_field() {
    let api = Api::start().await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(201) }), "name"),
        (json!({ "name": "n", "email": "nobody" }), "email"),
        (json!({ "name": "n", "email": "a b@c" }), "email"),
        (
            json!({ "name": "n", "email": format!("{}@b", "x".repeat(253)) }),
            "email",
        ),
        (json!({ "name": "n", "phone": "1" }), "phone"),
    ] {
        let answer = api.put("/customers/VINET", body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field]);
    }
    api.get("/customers/VINET")
        .await
        .assert_problem(404, "customer_not_found");
    let path = format!("/customers/{}", "x".repeat(65));
    api.put(&path, customer("n"))
        .await
        .assert_problem(400, "malformed_parameter");
    api.get(&path).await.assert_problem(400, "malformed_parameter");
}

#[tokio::test]
async fn a_whole_order_names_its_customer_as_it_is_called_now() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let item = json!({ "product_id": "42", "quantity": 1, "unit_price": 1 });
    api.post(&format!("/orders/{id}/items"), item).await;
    api.stack.caught_up().await.unwrap();
    let paths = [
        ("", 2),
        ("?view=full", 2),
        ("?min_version=2", 2),
        ("?as_of=2099-01-01T00:00:00Z", 2),
        ("?version=1", 1),
    ];
    let list = "/customers/VINET/orders?view=full";
    let mut known = Vec::new();
    for (path, version) in paths {
        let read = api.get(&format!("/orders/{id}{path}")).await;
        assert_eq!(read.body["customer_name"], Value::Null, "{path}");
        let tag = format!("\"{version}\"");
        assert_eq!(read.header("etag"), Some(tag.as_str()), "{path}");
        known.push(tag);
    }
    assert_eq!(api.get(list).await.body["data"][0]["customer_name"], Value::Null);
    let compact = api.get(&format!("/orders/{id}?view=compact")).await;

    for (customer_version, name) in [(1, "Vins et alcools"), (2, "Chevalier")] {
        api.put("/customers/VINET", customer(name)).await;
        for ((path, version), known) in paths.iter().zip(&mut known) {
            let path = format!("/orders/{id}{path}");
            let read = ask(&api, &path, known).await;
            assert_eq!(
                (read.status, &read.body["customer_name"]),
                (200, &json!(name)),
                "{path}"
            );
            assert_eq!(read.header("cache-control"), Some("private, no-cache"), "{path}");
            *known = format!("\"{version}-{customer_version}\"");
            assert_eq!(read.header("etag"), Some(known.as_str()), "{path}");
            assert_eq!(ask(&api, &path, known).await.status, 304, "{path}");
        }
        let whole = api.get(list).await.body;
        assert_eq!(whole["data"][0], api.get(&format!("/orders/{id}")).await.body);
    }
    // Where no name is shown, none makes a difference.
    let same = api.get(&format!("/orders/{id}?view=compact")).await;
    assert_eq!((same.header("etag"), &same.body), (Some("\"2\""), &compact.body));
}

#[tokio::test]
async fn a_list_of_whole_orders_reads_its_customers_once_and_a_compact_one_not_at_all() {
    let (_embedded, proxy, api) = behind_proxy().await;
    for _ in 0..3 {
        api.create_order().await;
    }
    api.stack.caught_up().await.unwrap();
    for (view, reads) in [("full", 1), ("compact", 0)] {
        proxy.take_operations();
        let list = api.get(&format!("/customers/VINET/orders?view={view}")).await;
        assert_eq!(list.body["data"].as_array().unwrap().len(), 3);
        let made = proxy.take_operations();
        let made = made.iter().filter(|operation| *operation == "BatchGetItem").count();
        assert_eq!(made, reads, "{view}");
    }
}

#[tokio::test]
async fn a_command_takes_the_tag_of_an_order_as_it_was_read() {
    let api = Api::start().await;
    let id = api.create_order().await;
    api.put("/customers/VINET", customer("Chevalier")).await;
    let tag = api.get(&format!("/orders/{id}")).await;
    let tag = tag.header("etag").unwrap().to_owned();
    assert_eq!(tag, "\"1-1\"");
    // The customer's version is none of the command's business.
    api.put("/customers/VINET", customer("Vins et alcools")).await;
    let submit = |tag: &str| {
        let request = api.request(Method::POST, &format!("/orders/{id}/submit"));
        Answer::of(request.header("if-match", tag.to_owned()))
    };
    submit("\"2-1\"").await.assert_problem(412, "version_mismatch");
    submit("\"1-\"").await.assert_problem(412, "version_mismatch");
    submit("1-1").await.assert_problem(400, "malformed_header");
    let submitted = submit(&tag).await;
    assert_eq!((submitted.status, submitted.header("etag")), (200, Some("\"2\"")));
    submit(&tag).await.assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn an_order_of_a_customer_that_nobody_has_named_is_one_all_the_same() {
    let api = Api::start().await;
    let mut body = order_body();
    body["customer_id"] = json!("nobody");
    assert_eq!(api.post("/orders", body).await.status, 201);
    api.stack.caught_up().await.unwrap();
    let whole = api.get("/customers/nobody/orders?view=full").await.body;
    assert_eq!(whole["data"][0]["customer_name"], Value::Null);
}

#[tokio::test]
async fn an_id_may_have_any_character_that_a_path_can_name() {
    let api = Api::start().await;
    for id in ["a%3Fb", "a#b", "100%", "a+b", "a&b=c", "50 €"] {
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/customers/{encoded}");
        let put = Answer::of(api.request(Method::PUT, &path).json(&json!({ "name": "Name" }))).await;
        assert_eq!(put.status, 201, "{id}: {}", put.body);
        assert_eq!(api.get(&path).await.body["customer_id"], id);
        let orders = api.get(&format!("{path}/orders?page_size=5")).await;
        assert_eq!(orders.status, 200, "{id}: {}", orders.body);
    }
}
