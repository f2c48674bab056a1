//! `X-Read-After` on a customer's list: what a command has just answered is shown in its right place, also while the
//! projections are behind. Here they do nothing unless they are told to.

use domain::order::OrderEvent;
use lambda_runtime::Context;
use serde_json::{Value, json};

use crate::projections::{append, deliver_everything, order};
use crate::support::orders::{added, submitted};
use crate::support::{Tables, project};

/// The answer to a list of VINET's orders: its status, its body, and where it was read from.
async fn list(tables: &Tables, query: &str, read_after: Option<&str>) -> (u64, Value, Option<String>) {
    let file = project().join("events/customer-queries/get-customer-orders.json");
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    event["rawQueryString"] = json!(query);
    event["queryStringParameters"] = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    if let Some(read_after) = read_after {
        event["headers"]["x-read-after"] = json!(read_after);
    }
    let function = customer_queries::function(&tables.environment("customer-queries"), &tables.config).unwrap();
    let answer = function.invoke(event, Context::default()).await.unwrap();
    (
        answer["statusCode"].as_u64().unwrap(),
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap(),
        answer["headers"]["x-read-source"].as_str().map(str::to_owned),
    )
}

/// Order ids with their versions, over all pages of `page_size`.
async fn walk(tables: &Tables, filter: &str, page_size: usize, read_after: Option<&str>) -> Vec<(String, u64)> {
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("page_size={page_size}{filter}{cursor}");
        let (status, body, _) = list(tables, &query, read_after).await;
        assert_eq!(status, 200, "{body}");
        for row in body["data"].as_array().unwrap() {
            let id = row["order_id"].as_str().unwrap().to_owned();
            walked.push((id, row["version"].as_u64().unwrap()));
        }
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return walked,
        }
    }
}

async fn vinet(tables: &Tables, events: &[OrderEvent]) -> String {
    order(tables, "VINET", events).await
}

#[tokio::test]
async fn a_new_order_and_a_changed_one_are_listed_before_they_are_projected() {
    let tables = Tables::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, vinet(&tables, &[added("p", 1)]).await);
    }
    deliver_everything(&tables).await;
    let known: Vec<_> = ids.iter().map(|id| (id.clone(), 2)).collect();

    // Nobody asks for it: nothing of it is shown.
    let new = vinet(&tables, &[]).await;
    append(&tables, &ids[2], 2, &[submitted()]).await;
    assert_eq!(walk(&tables, "", 2, None).await, known);

    for page_size in 1..=7 {
        let after_new = format!("{new}@1");
        let mut expected = known.clone();
        expected.insert(0, (new.clone(), 1));
        assert_eq!(
            walk(&tables, "", page_size, Some(&after_new)).await,
            expected,
            "{page_size}"
        );
        assert_eq!(
            walk(&tables, "&status=created", page_size, Some(&after_new)).await,
            expected
        );
        assert_eq!(
            walk(&tables, "&status=submitted", page_size, Some(&after_new)).await,
            []
        );

        // Changed: in its place, in the list of its new status, and no longer in that of its old one.
        let after_change = format!("{}@3", ids[2]);
        let mut expected = known.clone();
        expected[2].1 = 3;
        assert_eq!(
            walk(&tables, "", page_size, Some(&after_change)).await,
            expected,
            "{page_size}"
        );
        let submitted = walk(&tables, "&status=submitted", page_size, Some(&after_change)).await;
        assert_eq!(submitted, [(ids[2].clone(), 3)]);
        expected.remove(2);
        let created = walk(&tables, "&status=created", page_size, Some(&after_change)).await;
        assert_eq!(created, expected, "{page_size}");
    }
    let source = async |read_after: &str| list(&tables, "", Some(read_after)).await.2;
    assert_eq!(source(&format!("{new}@1")).await.as_deref(), Some("events"));
    assert_eq!(source(&format!("{}@2", ids[0])).await.as_deref(), Some("projection"));
    deliver_everything(&tables).await;
    assert_eq!(source(&format!("{new}@1")).await.as_deref(), Some("projection"));
    assert_eq!(list(&tables, "", None).await.2.as_deref(), Some("projection"));
}

#[tokio::test]
async fn an_order_of_another_customer_is_not_listed() {
    let tables = Tables::new().await;
    let other = order(&tables, "HANAR", &[]).await;
    let read_after = format!("{other}@1");
    assert_eq!(walk(&tables, "", 5, Some(&read_after)).await, []);
}

#[tokio::test]
async fn what_cannot_be_read_after_is_an_error_and_is_not_waited_for() {
    let tables = Tables::new().await;
    let id = vinet(&tables, &[]).await;
    for (read_after, status, code) in [
        (format!("{id}@2"), 409, "version_not_reached"),
        (
            "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c@1".to_owned(),
            404,
            "order_not_found",
        ),
        (id.clone(), 400, "malformed_header"),
        (format!("{id}@0"), 400, "malformed_header"),
        (format!("{id}@x"), 400, "malformed_header"),
        ("7@1".to_owned(), 400, "malformed_header"),
    ] {
        let (answered, body, _) = list(&tables, "", Some(&read_after)).await;
        assert_eq!((answered, &body["code"]), (status, &json!(code)), "{read_after}");
    }
}

#[tokio::test]
async fn a_list_costs_one_read_more_when_it_must_be_as_new_as_an_order() {
    let tables = Tables::new().await;
    let id = vinet(&tables, &[]).await;
    deliver_everything(&tables).await;
    tables.proxy.take_operations();
    list(&tables, "", None).await;
    assert_eq!(tables.proxy.take_operations(), ["Query"]);
    list(&tables, "", Some(&format!("{id}@1"))).await;
    assert_eq!(tables.proxy.take_operations(), ["GetItem", "Query"]);
    append(&tables, &id, 1, &[submitted()]).await;
    tables.proxy.take_operations();
    list(&tables, "", Some(&format!("{id}@2"))).await;
    assert_eq!(tables.proxy.take_operations(), ["GetItem", "Query", "Query"]);
}
