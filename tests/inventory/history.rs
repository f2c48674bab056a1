//! What happened to a stock, and why, over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use super::http::reserved;
use crate::support::{Answer, Api};

/// A page, with the cursor of the next one.
async fn page(api: &Api, path: &str, query: &str) -> (Vec<Value>, Option<String>) {
    let page = api.get(&format!("{path}?{query}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let next = page.body["next_cursor"].as_str().map(str::to_owned);
    (page.body["data"].as_array().unwrap().clone(), next)
}

#[tokio::test]
async fn a_stocks_history_tells_what_happened_why_and_what_there_was_page_by_page() {
    let api = Api::start().await;
    let path = "/inventory/QC-1/history";
    api.get(path).await.assert_problem(404, "sku_not_found");
    let counted = json!({ "on_hand": 120, "low_stock_threshold": 20, "reason": "stocktaking" });
    api.put("/inventory/QC-1", counted.clone()).await;
    // It changes nothing, and so is no part of what happened.
    let keyed = api
        .request(Method::PUT, "/inventory/QC-1")
        .header("idempotency-key", "k");
    Answer::of(keyed.json(&counted)).await;
    let receipt = json!({ "quantity": 40, "reference": "delivery note 4711" });
    api.post("/inventory/QC-1/receipts", receipt).await;
    reserved(&api, 1, 145).await;
    reserved(&api, 2, 100).await;
    api.put("/inventory/QC-1", json!({ "on_hand": 150, "reason": "breakage" }))
        .await;

    let (all, next) = page(&api, path, "").await;
    assert_eq!(next, None);
    let told: Vec<_> = all
        .iter()
        .map(|entry| {
            let details = &entry["details"];
            let why = ["reason", "reference"]
                .into_iter()
                .find_map(|why| details["data"][why].as_str());
            (
                entry["version"].as_u64().unwrap(),
                details["event"].as_str().unwrap(),
                (
                    details["on_hand_before"].as_u64(),
                    details["on_hand_after"].as_u64().unwrap(),
                ),
                why,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "StockAdjusted", (None, 120), Some("stocktaking")),
            (2, "LowStockThresholdSet", (Some(120), 120), None),
            (4, "StockReceived", (Some(120), 160), Some("delivery note 4711")),
            (5, "StockReserved", (Some(160), 160), None),
            (6, "StockReservationRefused", (Some(160), 160), None),
            (7, "StockAdjusted", (Some(160), 150), Some("breakage")),
        ]
    );
    assert_eq!(all[3]["details"]["data"]["quantity"], 145);
    // The level says the time of the event that it was told for, which may be an earlier one.
    let stock = api.get("/inventory/QC-1?min_version=7").await;
    let times = |entry: &Value| entry["changed_at"] == stock.body["updated_at"];
    assert!(all.iter().any(times), "{}", stock.body);

    for page_size in 1..=8 {
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let (data, next) = page(&api, path, &format!("page_size={page_size}{cursor}")).await;
            assert!(data.len() <= page_size);
            walked.extend(data);
            let Some(next) = next else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(walked, all, "on pages of {page_size}");
    }

    // As the stock itself, where a path cannot carry the SKU.
    assert_eq!(page(&api, "/inventory/-/history", "sku=QC-1").await.0, all);
    let (first, cursor) = page(&api, path, "page_size=2").await;
    assert_eq!(first, all[..2]);
    api.put("/inventory/QC-2", json!({ "on_hand": 1 })).await;
    api.get(&format!("/inventory/QC-2/history?cursor={}", cursor.unwrap()))
        .await
        .assert_problem(400, "invalid_cursor");
    for (query, field) in [("page_size=0", "page_size"), ("version=1", "version")] {
        let refused = api.get(&format!("{path}?{query}")).await;
        refused.assert_problem(400, "malformed_parameter");
        assert_eq!(refused.fields(), [field]);
    }

    // Not sent again until something happens.
    let known = api.get(path).await;
    assert_eq!(
        (known.header("etag"), known.header("cache-control")),
        (Some("\"1-6\""), Some("private, no-cache"))
    );
    let again = async || {
        Answer::of(api.request(Method::GET, path).header("if-none-match", "\"1-6\""))
            .await
            .status
    };
    assert_eq!(again().await, 304);
    reserved(&api, 3, 1).await;
    assert_eq!(again().await, 200);
}
