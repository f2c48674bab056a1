//! `X-Read-After` on lists: what a command has just answered is shown in its right place, also while the
//! projections are behind. Here they do nothing unless they are told to.

use chrono::{Duration, Utc};
use domain::order::OrderEvent;
use lambda_edge::Function;
use lambda_runtime::Context;
use run::FUNCTIONS;
use serde_json::{Value, json};

use crate::projections::{append, deliver_everything, order};
use crate::support::orders::{added, submitted};
use crate::support::{Tables, project};

/// The samples of the lists: of all orders, and of VINET's.
pub(super) const ALL: &str = "order-queries/get-orders";
pub(super) const OF_CUSTOMER: &str = "customer-queries/get-customer-orders";

/// A list's function, and the sample of its route.
fn opened(tables: &Tables, list: &str) -> (Function, Value) {
    let file = project().join("events").join(format!("{list}.json"));
    let sample = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let binary = list.split('/').next().unwrap();
    let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == binary).unwrap();
    let function = constructor(&tables.environment(binary), &tables.config).unwrap();
    (function, sample)
}

/// The answer to a list: its status, its body, and where it was read from.
pub(super) async fn ask(
    tables: &Tables,
    list: &str,
    query: &str,
    read_after: Option<&str>,
) -> (u64, Value, Option<String>) {
    asked(&opened(tables, list), query, read_after).await
}

async fn asked(
    (function, sample): &(Function, Value),
    query: &str,
    read_after: Option<&str>,
) -> (u64, Value, Option<String>) {
    let mut event = sample.clone();
    event["rawQueryString"] = json!(query);
    event["queryStringParameters"] = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    if let Some(read_after) = read_after {
        event["headers"]["x-read-after"] = json!(read_after);
    }
    let answer = function.invoke(event, Context::default()).await.unwrap();
    (
        answer["statusCode"].as_u64().unwrap(),
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap(),
        answer["headers"]["x-read-source"].as_str().map(str::to_owned),
    )
}

/// Order ids with their versions, over all pages of `page_size`.
pub(super) async fn walk(
    tables: &Tables,
    list: &str,
    filter: &str,
    page_size: usize,
    read_after: Option<&str>,
) -> Vec<(String, u64)> {
    let list = opened(tables, list);
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("page_size={page_size}{filter}{cursor}");
        let (status, body, _) = asked(&list, &query, read_after).await;
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

/// Each list that has today's orders of VINET, with its filters.
fn lists_of_vinet() -> Vec<(&'static str, String)> {
    let day = |days: i64| (Utc::now() + Duration::days(days)).date_naive();
    let dates = format!("&from_date={}&to_date={}", day(-1), day(1));
    let mut lists = Vec::new();
    for (list, filter) in [(OF_CUSTOMER, ""), (ALL, ""), (ALL, "&customer_id=VINET")] {
        lists.push((list, filter.to_owned()));
        lists.push((list, format!("{filter}{dates}")));
    }
    lists
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

    let new = vinet(&tables, &[]).await;
    append(&tables, &ids[2], 2, &[submitted()]).await;
    let after_new = format!("{new}@1");
    let after_change = format!("{}@3", ids[2]);
    for (list, filter) in lists_of_vinet() {
        let walk = async |more: &str, page_size: usize, read_after: Option<&str>| {
            walk(&tables, list, &format!("{filter}{more}"), page_size, read_after).await
        };
        // Nobody asks for it: nothing of it is shown.
        assert_eq!(walk("", 2, None).await, known);
        for page_size in 1..=7 {
            let what = format!("{list} {filter} on pages of {page_size}");
            let mut expected = known.clone();
            expected.insert(0, (new.clone(), 1));
            assert_eq!(walk("", page_size, Some(&after_new)).await, expected, "{what}");
            let created = walk("&status=created", page_size, Some(&after_new)).await;
            assert_eq!(created, expected, "{what}");
            assert_eq!(walk("&status=submitted", page_size, Some(&after_new)).await, []);

            // Changed: in its place, in the list of its new status, and no longer in that of its old one.
            let mut expected = known.clone();
            expected[2].1 = 3;
            assert_eq!(walk("", page_size, Some(&after_change)).await, expected, "{what}");
            let submitted = walk("&status=submitted", page_size, Some(&after_change)).await;
            assert_eq!(submitted, [(ids[2].clone(), 3)], "{what}");
            expected.remove(2);
            let created = walk("&status=created", page_size, Some(&after_change)).await;
            assert_eq!(created, expected, "{what}");
        }
    }
    let source = async |list: &str, read_after: Option<&str>| ask(&tables, list, "", read_after).await.2.unwrap();
    for list in [OF_CUSTOMER, ALL] {
        assert_eq!(source(list, Some(&after_new)).await, "events");
        assert_eq!(source(list, Some(&format!("{}@2", ids[0]))).await, "projection");
    }
    deliver_everything(&tables).await;
    for list in [OF_CUSTOMER, ALL] {
        assert_eq!(source(list, Some(&after_new)).await, "projection");
        assert_eq!(source(list, None).await, "projection");
    }
}

#[tokio::test]
async fn an_order_that_the_filters_leave_out_is_not_listed() {
    let tables = Tables::new().await;
    let other = order(&tables, "HANAR", &[]).await;
    let read_after = format!("{other}@1");
    let day = |days: i64| (Utc::now() + Duration::days(days)).date_naive();
    for (list, filter) in [
        (OF_CUSTOMER, String::new()),
        (ALL, "&customer_id=VINET".to_owned()),
        (ALL, "&status=paid".to_owned()),
        (ALL, format!("&to_date={}", day(-2))),
        (ALL, format!("&from_date={}", day(2))),
    ] {
        assert_eq!(
            walk(&tables, list, &filter, 5, Some(&read_after)).await,
            [],
            "{list} {filter}"
        );
    }
    assert_eq!(walk(&tables, ALL, "", 5, Some(&read_after)).await, [(other, 1)]);
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
        (format!("{id}@+1"), 400, "malformed_header"),
        ("7@1".to_owned(), 400, "malformed_header"),
    ] {
        for list in [OF_CUSTOMER, ALL] {
            let (answered, body, _) = ask(&tables, list, "", Some(&read_after)).await;
            assert_eq!((answered, &body["code"]), (status, &json!(code)), "{read_after}");
        }
    }
}

#[tokio::test]
async fn a_list_costs_one_read_more_when_it_must_be_as_new_as_an_order() {
    let tables = Tables::new().await;
    let id = vinet(&tables, &[]).await;
    deliver_everything(&tables).await;
    tables.proxy.take_operations();
    ask(&tables, OF_CUSTOMER, "", None).await;
    assert_eq!(tables.proxy.take_operations(), ["Query"]);
    ask(&tables, OF_CUSTOMER, "", Some(&format!("{id}@1"))).await;
    assert_eq!(tables.proxy.take_operations(), ["GetItem", "Query"]);
    append(&tables, &id, 1, &[submitted()]).await;
    tables.proxy.take_operations();
    ask(&tables, OF_CUSTOMER, "", Some(&format!("{id}@2"))).await;
    assert_eq!(tables.proxy.take_operations(), ["GetItem", "Query", "Query"]);
}
