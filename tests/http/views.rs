//! `view=compact|full`: one order as lists have it, and lists with whole orders.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn one_order_can_be_compact_and_a_list_whole() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, api.create_order().await);
    }
    let item = json!({ "product_id": "42", "quantity": 1, "unit_price": 1 });
    api.post(&format!("/orders/{}/items", ids[1]), item).await;
    api.stack.caught_up().await.unwrap();

    let compact = api.get("/customers/VINET/orders").await.body;
    assert_eq!(api.get("/customers/VINET/orders?view=compact").await.body, compact);
    let whole = api.get("/customers/VINET/orders?view=full").await.body;
    for (n, id) in ids.iter().enumerate() {
        let one = api.get(&format!("/orders/{id}")).await;
        assert_eq!(one.body["items"][0]["product_id"], "11");
        assert_eq!(whole["data"][n], one.body);
        assert_eq!(api.get(&format!("/orders/{id}?view=full")).await.body, one.body);
        let row = api.get(&format!("/orders/{id}?view=compact")).await;
        assert_eq!(row.body, compact["data"][n]);
        assert_eq!(row.header("etag"), one.header("etag"));
    }
    let then = api
        .get(&format!("/orders/{}?version=1&view=compact", ids[1]))
        .await
        .body;
    assert_eq!((&then["version"], &then["total_amount"]), (&json!(1), &json!("20.00")));

    // Pages are the same, whatever is shown of the orders.
    let first = api.get("/customers/VINET/orders?view=full&page_size=2").await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = api
        .get(&format!("/customers/VINET/orders?page_size=2&cursor={cursor}"))
        .await
        .body;
    assert_eq!(last["data"][0], compact["data"][2]);

    for path in [
        format!("/orders/{}?view=all", ids[0]),
        "/customers/VINET/orders?view=".to_owned(),
    ] {
        let refused = api.get(&path).await;
        refused.assert_problem(400, "malformed_parameter");
        assert_eq!(refused.fields(), ["view"]);
    }
}
