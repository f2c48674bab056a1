//! `ETag` and `If-None-Match` on every read of one order; `Cache-Control` on every answer.

use reqwest::Method;
use serde_json::json;

use crate::support::api::order_body;
use crate::support::{Answer, Api};

async fn ask(api: &Api, path: &str, known: &str) -> Answer {
    Answer::of(api.request(Method::GET, path).header("if-none-match", known)).await
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again_until_the_order_changes() {
    let api = Api::start().await;
    let id = api.create_order().await;
    api.order_at(&id, 1).await;
    let paths = [
        "",
        "?min_version=1",
        "?as_of=2099-01-01T00:00:00Z",
        "/history",
        "/events",
        "/events?page_size=1",
    ];
    let mut tags = Vec::new();
    for path in paths {
        let path = format!("/orders/{id}{path}");
        let first = api.get(&path).await;
        assert_eq!(first.header("cache-control"), Some("private, no-cache"), "{path}");
        let tag = first.header("etag").unwrap().to_owned();

        let again = ask(&api, &path, &tag).await;
        assert_eq!(
            (again.status, again.header("etag")),
            (304, Some(tag.as_str())),
            "{path}"
        );
        assert_eq!(again.header("cache-control"), Some("private, no-cache"));
        assert_eq!(again.header("content-type"), None);
        assert_eq!(again.body, serde_json::Value::Null);
        assert_eq!(ask(&api, &path, "\"another\"").await.body, first.body);
        tags.push((path, tag));
    }

    let item = json!({ "product_id": "42", "quantity": 1, "unit_price": 1 });
    api.post(&format!("/orders/{id}/items"), item).await;
    api.order_at(&id, 2).await;
    for (path, tag) in tags {
        let changed = ask(&api, &path, &tag).await;
        assert_eq!(changed.status, 200, "{path}");
        assert_ne!(changed.header("etag"), Some(tag.as_str()), "{path}");
    }
    // What the order was does not change, so it may be kept unasked; but its customer's name may change.
    let then = api.get(&format!("/orders/{id}?version=1")).await;
    assert_eq!(
        (then.header("cache-control"), then.header("etag")),
        (Some("private, no-cache"), Some("\"1\""))
    );
    let then = api.get(&format!("/orders/{id}?version=1&view=compact")).await;
    assert_eq!(
        (then.header("cache-control"), then.header("etag")),
        (Some("private, max-age=86400"), Some("\"1\""))
    );
}

#[tokio::test]
async fn nothing_else_may_be_kept() {
    let api = Api::start().await;
    let created = api.post("/orders", order_body()).await;
    assert_eq!(created.header("cache-control"), Some("no-store"));
    let id = created.body["order_id"].as_str().unwrap();
    // A command has no answer without a body, whatever the caller has.
    let submit = api.request(Method::POST, &format!("/orders/{id}/submit"));
    let refused = Answer::of(submit.header("if-none-match", "*")).await;
    refused.assert_problem(412, "version_mismatch");
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    for path in [
        "/customers/VINET/orders",
        "/health",
        "/admin/parked",
        "/events",
        "/orders/0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c",
        "/orders/nonsense",
    ] {
        assert_eq!(api.get(path).await.header("cache-control"), Some("no-store"), "{path}");
    }
}
