//! HEAD beside GET, preflight requests of browsers, and bodies in a coding.

use std::collections::BTreeSet;

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::api::{options, order_body};
use crate::support::description::DESCRIPTION;
use crate::support::{Answer, Api, project, template};

/// What differs between two answers to the same request.
const OF_ONE_ANSWER: [&str; 3] = ["date", "x-correlation-id", "transfer-encoding"];

fn comparable(headers: &HeaderMap) -> Vec<(String, String)> {
    let headers = headers
        .iter()
        .filter(|(name, _)| !OF_ONE_ANSWER.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    headers
}

#[test]
fn beside_each_get_there_is_head_for_the_same_callers() {
    let text = std::fs::read_to_string(project().join("template.yaml")).unwrap();
    // What follows a route's event, up to the next one or the next part.
    let events = text.split("Type: HttpApi\n").skip(1);
    let events = events.map(|event| {
        let lines = event.lines().take_while(|line| line.starts_with("          "));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    });
    let events: BTreeSet<_> = events.collect();
    let of_method = |method: &str| -> BTreeSet<_> {
        let events = events.iter().filter(|event| event.contains(method));
        events.map(|event| event.replace(method, "")).collect()
    };
    assert_eq!(of_method("Method: GET"), of_method("Method: HEAD"));
    assert!(of_method("Method: GET").len() > 20);
}

#[tokio::test]
async fn head_answers_what_get_does_but_for_the_body() {
    let api = Api::start().await;
    let order_id = api.create_order().await;
    api.put("/inventory/QC-1", json!({ "on_hand": 3 })).await;
    api.put(
        "/products/72",
        json!({ "name": "n", "unit_price": 1, "currency": "USD" }),
    )
    .await;
    api.put("/customers/VINET", json!({ "name": "n" })).await;
    api.order_at(&order_id, 1).await;
    api.stack.caught_up().await.unwrap();

    let gets = template().functions.into_iter().flat_map(|function| function.routes);
    let gets = gets.filter(|route| route.method == "GET");
    let mut seen = BTreeSet::new();
    for route in gets {
        let path = [
            ("{order_id}", order_id.as_str()),
            ("{sku}", "QC-1"),
            ("{product_id}", "72"),
            ("{customer_id}", "VINET"),
        ]
        .iter()
        .fold(route.path.clone(), |path, (name, value)| path.replace(name, value));
        for query in ["", "?nosuch=1", "?q=vinet", "?date=2026-11-20"] {
            let path = format!("{path}{query}");
            let send = async |method| api.request(method, &path).send().await.unwrap();
            let (get, head) = (send(Method::GET).await, send(Method::HEAD).await);
            assert_eq!(head.status(), get.status(), "{path}");
            if query.is_empty() {
                seen.insert(get.status().as_u16());
            }
            // A lag, or a time, may have another length.
            if route.path != "/projections" {
                assert_eq!(comparable(head.headers()), comparable(get.headers()), "{path}");
            }
            assert!(head.headers().contains_key("x-correlation-id"), "{path}");
            assert_eq!(head.text().await.unwrap(), "", "{path}");
        }
    }
    assert_eq!(seen, BTreeSet::from([200, 400, 404]));

    let known = api
        .request(Method::HEAD, "/inventory/QC-1")
        .header("if-none-match", "\"1\"");
    let known = known.send().await.unwrap();
    assert_eq!(
        (known.status().as_u16(), known.headers()["etag"].to_str().unwrap()),
        (304, "\"1\"")
    );
    let none = api.request(Method::HEAD, "/orders/x/submit").send().await.unwrap();
    assert_eq!(none.status(), 404);
}

async fn with_origins(origins: &str) -> Api {
    let mut options = options(false);
    options.parameters.insert("CorsOrigins".to_owned(), origins.to_owned());
    Api::start_with(options).await
}

async fn preflight(api: &Api, path: &str, origin: &str, method: &str) -> Response {
    let request = api.request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    let request = request.header(
        "access-control-request-headers",
        "authorization,content-type,idempotency-key,if-match",
    );
    request.send().await.unwrap()
}

/// The names in a header of a list.
fn listed(answer: &HeaderMap, name: &str) -> BTreeSet<String> {
    let value = answer[name].to_str().unwrap().to_lowercase();
    value.split(',').map(|name| name.trim().to_owned()).collect()
}

#[tokio::test]
async fn pages_of_the_named_origins_may_call_and_no_others() {
    let shop = "https://shop.example";
    let api = with_origins("https://shop.example,http://localhost:5173").await;
    for (path, method) in [
        ("/orders", "POST"),
        ("/orders/1/items/2", "DELETE"),
        ("/inventory/A%231", "PUT"),
        ("/customers/VINET", "GET"),
        ("/health", "HEAD"),
    ] {
        for origin in [shop, "http://localhost:5173"] {
            let answer = preflight(&api, path, origin, method).await;
            assert_eq!(answer.status(), 204, "{path}");
            let headers = answer.headers();
            assert_eq!(headers["access-control-allow-origin"], *origin);
            assert!(listed(headers, "access-control-allow-methods").contains(&method.to_lowercase()));
            assert_eq!(headers["access-control-max-age"], "600");
        }
        for origin in ["https://shop.example.evil", "http://shop.example", "null"] {
            let answer = preflight(&api, path, origin, method).await;
            assert_eq!(answer.status(), 204, "{path}");
            assert!(
                !answer.headers().contains_key("access-control-allow-origin"),
                "{origin}"
            );
        }
    }

    // What is answered can be read, also when it is a problem, or of API Gateway itself.
    let created = api
        .request(Method::POST, "/orders")
        .header("origin", shop)
        .json(&order_body());
    let created = created.send().await.unwrap();
    assert_eq!(
        (
            created.status().as_u16(),
            &created.headers()["access-control-allow-origin"]
        ),
        (201, &shop.parse().unwrap())
    );
    for (path, status) in [("/orders/x", 400), ("/nowhere", 404), ("/inventory/none", 404)] {
        let answer = api
            .request(Method::GET, path)
            .header("origin", shop)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], shop);
        let of_other = api.request(Method::GET, path).header("origin", "https://other.example");
        let of_other = of_other.send().await.unwrap();
        assert!(!of_other.headers().contains_key("access-control-allow-origin"));
        let of_none = api.request(Method::GET, path).send().await.unwrap();
        assert!(!of_none.headers().contains_key("access-control-expose-headers"));
    }

    // Whatever the description says of headers, a page can send and read.
    let exposed = listed(created.headers(), "access-control-expose-headers");
    let allowed = preflight(&api, "/orders", shop, "POST").await;
    let allowed = listed(allowed.headers(), "access-control-allow-headers");
    let operations = DESCRIPTION.operations();
    let responses = operations
        .values()
        .flat_map(|operation| operation["responses"].as_object().unwrap().values());
    let sent = responses.flat_map(|response| {
        let headers = DESCRIPTION.resolve(response)["headers"].as_object();
        headers.into_iter().flatten().map(|(name, _)| name.to_lowercase())
    });
    // What every page may read: <https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name>
    let of_everybody = ["cache-control", "content-type", "content-length"].map(str::to_owned);
    // It concerns the page that a browser shows.
    let of_pages = ["content-security-policy".to_owned()];
    let sent: BTreeSet<_> = sent
        .filter(|name| !of_everybody.contains(name) && !of_pages.contains(name))
        .collect();
    assert!(sent.is_subset(&exposed), "{:?}", sent.difference(&exposed));
    let parameters = DESCRIPTION.api["components"]["parameters"]
        .as_object()
        .unwrap()
        .values();
    let asked = parameters.filter(|parameter| parameter["in"] == "header");
    let asked: BTreeSet<_> = asked
        .map(|parameter| parameter["name"].as_str().unwrap().to_lowercase())
        .collect();
    assert!(asked.is_subset(&allowed), "{:?}", asked.difference(&allowed));
}

#[tokio::test]
async fn any_origin_may_be_named_as_in_aws_and_none_is_by_default() {
    let api = with_origins("*").await;
    let answer = preflight(&api, "/orders", "https://shop.example", "POST").await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let api = with_origins("https://*").await;
    let answer = preflight(&api, "/orders", "https://shop.example", "POST").await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example");
    let api = Api::start().await;
    let answer = preflight(&api, "/orders", "https://shop.example", "POST").await;
    assert_eq!(answer.status(), 404);
    let answer = api
        .request(Method::GET, "/health")
        .header("origin", "https://shop.example");
    let answer = answer.send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_body_in_a_coding_is_415_also_one_that_lies() {
    // `{"on_hand":1}`, gzipped.
    const GZIPPED: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0xcf, 0x8b, 0xcf, 0x48, 0xcc,
        0x4b, 0x51, 0xb2, 0x32, 0xac, 0x05, 0x00, 0x60, 0x56, 0x07, 0xbc, 0x0d, 0x00, 0x00, 0x00,
    ];
    let api = Api::start().await;
    let order_id = api.create_order().await;
    let item = json!({ "product_id": "42", "quantity": 1, "unit_price": 1 });
    let routes = [
        (Method::PUT, "/inventory/QC-1".to_owned(), json!({ "on_hand": 1 })),
        (
            Method::POST,
            "/inventory/QC-1/receipts".to_owned(),
            json!({ "quantity": 1 }),
        ),
        (Method::POST, "/orders".to_owned(), order_body()),
        (Method::POST, format!("/orders/{order_id}/items"), item),
        (Method::POST, format!("/orders/{order_id}/submit"), json!({})),
        (Method::PUT, "/customers/VINET".to_owned(), json!({ "name": "n" })),
    ];
    for (method, path, body) in routes {
        let send = async |coding: &str, body: Vec<u8>| {
            let request = api.request(method.clone(), &path).header("content-encoding", coding);
            Answer::of(request.header("content-type", "application/json").body(body)).await
        };
        let text = |body: &Value| body.to_string().into_bytes();
        for (coding, body) in [
            ("gzip", GZIPPED.to_vec()),
            ("gzip", text(&body)),
            ("br", text(&body)),
            ("identity, gzip", text(&body)),
            ("nonsense", text(&body)),
        ] {
            let answer = send(coding, body).await;
            answer.assert_problem(415, "unsupported_content_coding");
            assert_eq!(answer.header("accept-encoding"), Some("identity"));
        }
        let taken = send("identity", text(&body)).await;
        assert!(taken.status < 300, "{path}: {}", taken.body);
    }
}
