//! What comes in: texts as forms and spreadsheets send them, identifiers strictly, currencies in use, addresses that mails can reach;
//! and all that is wrong, at once. What is stored from before stays readable, and can be worked with.

use chrono::Utc;
use domain::time::rfc3339_micros;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{address, options, order_body};
use crate::support::orders::new_order_id;
use crate::support::{Answer, Api};

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The fields that are wrong, with what is wrong with them.
fn errors(answer: &Answer) -> Vec<(&str, &str)> {
    let errors = answer.body["errors"].as_array().unwrap().iter();
    let text = |value: &'_ Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    errors
        .map(|error| (text(&error["field"]), text(&error["message"])))
        .collect()
}

#[tokio::test]
async fn texts_are_taken_as_forms_and_spreadsheets_send_them() {
    let api = Api::start().await;
    let mut body = order_body();
    body["items"][0]["product_name"] = json!(" Seife\u{a0}");
    body["shipping_address"] =
        json!({ "street": "Am Hof 1\r\nHinterhaus", "city": "Mu\u{308}nster ", "state": "\tNRW", "zip": "48143\n" });
    body["tax"] = json!({ "rate": 0, "jurisdiction": " DE " });
    let created = api.post("/orders", body).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["order_id"].as_str().unwrap();
    let order = api.get(&format!("/orders/{id}")).await.body;
    assert_eq!(order["items"][0]["product_name"], "Seife");
    assert_eq!(
        order["shipping_address"],
        json!({ "street": "Am Hof 1 Hinterhaus", "city": "Münster", "state": "NRW", "postal_code": "48143" })
    );
    let reason = json!({ "reason": "\u{feff}Ordered twice.\r\nSorry!\r\n" });
    assert_eq!(api.post(&format!("/orders/{id}/cancel"), reason).await.status, 200);
    let order = api.get(&format!("/orders/{id}?min_version=2")).await.body;
    assert_eq!(order["cancellation_reason"], "Ordered twice.\nSorry!");

    let customer = api
        .put("/customers/VINET", json!({ "name": "\u{feff}Vins\tet alcools " }))
        .await;
    assert_eq!(customer.body["name"], "Vins et alcools");
    let product = json!({ "name": "Cafe\u{301}\u{2028}crema", "unit_price": 1, "currency": "EUR" });
    assert_eq!(api.put("/products/9", product).await.body["name"], "Café crema");
    let receipt = json!({ "quantity": 1, "reference": " Delivery note\n4711 " });
    assert_eq!(api.post("/inventory/QC-1/receipts", receipt).await.status, 200);

    // What nobody sees is no text.
    for (path, body, field) in [
        ("/customers/VINET", json!({ "name": "\u{200b}\u{ad}" }), "name"),
        (
            "/products/9",
            json!({ "name": "\u{2800}", "unit_price": 1, "currency": "EUR" }),
            "name",
        ),
        (
            "/inventory/QC-1",
            json!({ "on_hand": 1, "reason": "\u{200d}" }),
            "reason",
        ),
        ("/inventory/QC-1", json!({ "on_hand": 1, "reason": "a\u{0}" }), "reason"),
    ] {
        let answer = api.put(path, body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field]);
    }
}

#[tokio::test]
async fn a_new_identifier_has_nothing_in_it_that_cannot_be_seen_or_carried_in_a_path() {
    let api = Api::start().await;
    let product = json!({ "name": "n", "unit_price": 1, "currency": "EUR" });
    for (path, body, field) in [
        ("/inventory/{}", json!({ "on_hand": 1 }), "sku"),
        ("/products/{}", product.clone(), "product_id"),
        ("/customers/{}", json!({ "name": "n" }), "customer_id"),
    ] {
        for id in [
            "\u{feff}MG-72",
            "MG\u{200b}72",
            "Cafe\u{301}",
            "MG\u{ad}72",
            " MG",
            "MG\u{7}",
        ] {
            let path = path.replace("{}", &escaped(id));
            let answer = api.put(&path, body.clone()).await;
            answer.assert_problem(422, "validation_failed");
            assert_eq!(answer.fields(), [field], "{path}");
            assert_eq!(api.get(&path).await.status, 404, "{path}");
        }
        // Nor by the way around that there is for those of before.
        let elsewhere = format!("{}?{field}=M8%2F40", path.replace("{}", "-"));
        let answer = api.put(&elsewhere, body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!((answer.fields(), api.get(&elsewhere).await.status), (vec![field], 404));
    }
    let receipt = api
        .post("/inventory/MG%E2%80%8B72/receipts", json!({ "quantity": 1 }))
        .await;
    assert_eq!((receipt.status, receipt.fields()), (422, vec!["sku"]));

    let mut with_sku = product;
    with_sku["sku"] = json!("M8/40");
    assert_eq!(api.put("/products/9", with_sku).await.fields(), ["sku"]);
    let mut order = order_body();
    order["customer_id"] = json!("VINET\u{feff}");
    order["items"][0]["product_id"] = json!("a?");
    order["items"][0]["sku"] = json!("M8/40");
    let answer = api.post("/orders", order).await;
    assert_eq!(answer.fields(), ["customer_id", "items[0].product_id", "items[0].sku"]);
    let id = api.create_order().await;
    for (command, body) in [
        ("confirm", json!({ "payment_method_id": "pm\u{200b}" })),
        ("payment", json!({ "transaction_id": "tx ", "amount": 20 })),
        ("ship", json!({ "carrier": "c", "tracking_number": "1Z\u{ad}" })),
    ] {
        let answer = api.post(&format!("/orders/{id}/{command}"), body.clone()).await;
        let field = body
            .as_object()
            .unwrap()
            .keys()
            .find(|key| key.ends_with("_id") || key.ends_with("_number"));
        assert_eq!((answer.status, answer.fields()), (422, vec![field.unwrap().as_str()]));
    }
}

#[tokio::test]
async fn a_new_price_is_in_a_currency_in_use() {
    let api = Api::start().await;
    for currency in [
        "HRK", "BGN", "ZWL", "CUC", "SLL", "USN", "CHE", "CLF", "XAD", "XAU", "XTS", "XXX", "eur",
    ] {
        let mut order = order_body();
        order["currency"] = json!(currency);
        let product = json!({ "name": "n", "unit_price": "1", "currency": currency });
        for answer in [api.post("/orders", order).await, api.put("/products/9", product).await] {
            answer.assert_problem(422, "validation_failed");
            assert_eq!(answer.fields(), ["currency"], "{currency}");
        }
    }
    for currency in ["EUR", "XCG", "ZWG", "SLE", "XOF"] {
        let mut order = order_body();
        order["currency"] = json!(currency);
        order["items"][0]["unit_price"] = json!(1);
        assert_eq!(api.post("/orders", order).await.status, 201, "{currency}");
    }
}

#[tokio::test]
async fn an_address_is_one_that_mails_can_reach() {
    let api = Api::start().await;
    for (email, shown) in [
        ("info@müller.example", "info@müller.example"),
        (" maria@example.com\n", "maria@example.com"),
        ("post@例え.テスト", "post@例え.テスト"),
    ] {
        let answer = api
            .put("/customers/VINET", json!({ "name": "n", "email": email }))
            .await;
        assert_eq!(answer.body["email"], shown, "{}", answer.body);
    }
    let long = format!("{}@example.com", "l".repeat(65));
    for email in [
        "käthe@example.com",
        "\"a b\"@example.com",
        "a@localhost",
        "a@example.com.",
        "a@127.0.0.1",
        &long,
    ] {
        let answer = api
            .put("/customers/VINET", json!({ "name": "n", "email": email }))
            .await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), ["email"], "{email}");
    }
}

#[tokio::test]
async fn every_wrong_field_is_named_in_the_order_of_the_request() {
    let api = Api::start().await;
    let send = async |method: Method, path: &str, body: &str| {
        let request = api.request(method, path).header("content-type", "application/json");
        Answer::of(request.body(body.to_owned())).await
    };
    let order = r#"{
        "items": [
            { "product_id": "1", "quantity": 1, "unit_price": "1.001" },
            { "product_id": "2", "quantiy": 3 },
            "three",
            { "quantity": 0, "product_id": "4", "sku": "M8/40" }
        ],
        "curency": "EUR",
        "shipping_address": { "street": "", "city": 7, "zip": "1", "postal_code": "1" },
        "tax": { "rate": 2 },
        "currency": "EUR"
    }"#;
    let answer = send(Method::POST, "/orders", order).await;
    answer.assert_problem(422, "validation_failed");
    assert_eq!(
        errors(&answer),
        [
            ("items[0].unit_price", "must have at most 2 decimal places in EUR"),
            ("items[1].quantiy", "is not known here; did you mean `quantity`?"),
            ("items[1].quantity", "is required"),
            ("items[2]", "must be an object"),
            ("items[3].quantity", "must be a whole number from 1 to 10000"),
            (
                "items[3].sku",
                "must not contain / or ?, nor be . or .., which a path cannot carry"
            ),
            ("curency", "is not known here; did you mean `currency`?"),
            ("shipping_address.street", "must be 1 to 200 characters long"),
            ("shipping_address.city", "must be a string"),
            (
                "shipping_address.zip",
                "is the same as postal_code, and given beside it"
            ),
            (
                "tax.rate",
                "must be a fraction from 0 to 1 with at most 6 decimal places"
            ),
            ("customer_id", "is required"),
        ]
    );

    let id = api.create_order().await;
    for (method, path, body, fields) in [
        (
            Method::POST,
            "/orders/{}/items",
            r#"{"quantity": 0, "unit_price": "x"}"#,
            &["quantity", "unit_price", "product_id"][..],
        ),
        (
            Method::POST,
            "/orders/{}/payment",
            r#"{"amount": [], "transaction_id": ""}"#,
            &["amount", "transaction_id"],
        ),
        (
            Method::POST,
            "/orders/{}/ship",
            r#"{"carier": "DHL"}"#,
            &["carier", "tracking_number", "carrier"],
        ),
        (
            Method::POST,
            "/orders/{}/cancel",
            r#"{"refund_amount": "all", "reason": 1}"#,
            &["refund_amount", "reason"],
        ),
        (
            Method::POST,
            "/orders/{}/deliver",
            r#"{"at": 1, "by": 2}"#,
            &["at", "by"],
        ),
        (
            Method::PUT,
            "/products/9",
            r#"{"unit_price": "1.5", "currency": "JPY", "sku": "?"}"#,
            &["unit_price", "sku", "name"],
        ),
        (
            Method::PUT,
            "/customers/9",
            r#"{"email": "a", "name": "", "name": "b"}"#,
            &["email", "name", "name"],
        ),
        (
            Method::PUT,
            "/inventory/9",
            r#"{"reason": "", "on_hand": -1, "low_stock_threshold": null}"#,
            &["reason", "on_hand", "low_stock_threshold"],
        ),
        (
            Method::POST,
            "/inventory/9/receipts",
            r#"{"quantity": 0, "reference": 7, "x": 1}"#,
            &["quantity", "reference", "x"],
        ),
    ] {
        let answer = send(method, &path.replace("{}", &id), body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), fields, "{path}");
    }

    for (path, fields) in [
        (
            "/orders?status=lost&page_size=0&colour=red",
            &["status", "page_size", "colour"][..],
        ),
        ("/orders/search?veiw=full&page_size=x", &["veiw", "page_size", "q"]),
        ("/orders/{}?view=short&version=0", &["view", "version"]),
        (
            "/customers/VINET/orders?from_date=x&to_date=y",
            &["from_date", "to_date"],
        ),
        ("/inventory?low_stock=no&page_size=101", &["low_stock", "page_size"]),
        ("/inventory/9?min_version=x&version=1", &["min_version", "version"]),
        ("/events?type=x&from=y&to=z", &["type", "from", "to"]),
        ("/reports/daily-orders?day=2026-11-20", &["day", "date"]),
        ("/health?deep=1&b=2", &["deep", "b"]),
    ] {
        let answer = api.get(&path.replace("{}", &id)).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), fields, "{path}");
    }
    let misspelt = api.get("/orders?page_sice=3").await;
    assert_eq!(
        errors(&misspelt),
        [("page_sice", "is not known here; did you mean `page_size`?")]
    );

    let items: Vec<_> = (0..120)
        .map(|n| json!({ "product_id": n.to_string(), "quantity": 0 }))
        .collect();
    let many = api
        .post(
            "/orders",
            json!({ "customer_id": "c", "shipping_address": address(), "items": items }),
        )
        .await;
    let errors = errors(&many);
    assert_eq!(
        (errors.len(), errors[49].0, errors[50].1),
        (51, "items[49].quantity", "70 more are wrong")
    );
}

#[tokio::test]
async fn a_missing_body_is_called_missing() {
    let api = Api::start().await;
    let id = api.create_order().await;
    for (method, path) in [
        (Method::POST, "/orders".to_owned()),
        (Method::POST, format!("/orders/{id}/confirm")),
        (Method::PUT, "/products/9".to_owned()),
        (Method::PUT, "/inventory/9".to_owned()),
    ] {
        let answer = Answer::of(api.request(method, &path)).await;
        answer.assert_problem(400, "malformed_json");
        assert_eq!(errors(&answer), [("body", "is missing")], "{path}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_possible_now() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let commands = [
        ("items", json!({ "product_id": "11", "quantity": 1, "unit_price": 10 })),
        ("submit", json!({})),
        ("confirm", json!({ "payment_method_id": "pm" })),
        ("payment", json!({ "transaction_id": "t", "amount": 30 })),
        ("ship", json!({ "carrier": "c", "tracking_number": "t" })),
        ("deliver", json!({})),
        ("cancel", json!({ "reason": "r" })),
    ];
    for (next, possible) in [
        ("items", "items, shipping-address, reference, submit, confirm, cancel"),
        ("submit", "items, shipping-address, reference, submit, confirm, cancel"),
        ("confirm", "shipping-address, reference, confirm, cancel"),
        ("payment", "shipping-address, reference, payment, ship, cancel"),
        ("ship", "shipping-address, reference, ship, cancel"),
        ("deliver", "deliver"),
    ] {
        let possible: Vec<_> = possible.split(", ").collect();
        for (command, body) in &commands {
            if !possible.contains(command) {
                let refused = api.post(&format!("/orders/{id}/{command}"), body.clone()).await;
                refused.assert_problem(409, "invalid_transition");
                let detail = refused.body["detail"].as_str().unwrap();
                assert!(
                    detail.ends_with(&format!("possible now: {}.", possible.join(", "))),
                    "{detail}"
                );
            }
        }
        let (command, body) = commands.iter().find(|(command, _)| *command == next).unwrap();
        let done = api.post(&format!("/orders/{id}/{command}"), body.clone()).await;
        assert_eq!(done.status, 200, "{command}: {}", done.body);
    }
    let refused = api
        .post(&format!("/orders/{id}/cancel"), json!({ "reason": "r" }))
        .await;
    assert_eq!(
        refused.body["detail"],
        "The order is delivered. It cannot be changed any more."
    );
}

/// An event as it was stored before.
async fn stored(api: &Api, id: &str, version: u64, of: &str, event_type: &str, schema: u64, data: Value) {
    let item = json!({
        "AggregateId": id,
        "Version": version,
        "AggregateType": of,
        "EventId": uuid::Uuid::now_v7(),
        "EventType": event_type,
        "EventVersion": schema,
        "EventData": data,
        "EventTypeShard": format!("{event_type}#0"),
        "Timestamp": rfc3339_micros(Utc::now()),
        "CommandId": uuid::Uuid::now_v7(),
    });
    let put = api.stack.dynamodb().put_item().table_name("EventStore");
    let item = serde_dynamo::to_item(item).unwrap();
    put.set_item(Some(item)).send().await.unwrap();
}

const OLD_CUSTOMER: &str = " VINET/\u{200b}1";
const OLD_SKU: &str = "\u{feff}MG-72";

#[tokio::test]
async fn what_is_stored_from_before_is_shown_everywhere_and_goes_on() {
    let api = Api::start().await;
    let id = new_order_id();
    let created = json!({
        "customer_id": OLD_CUSTOMER,
        "currency": "HRK",
        "tax": { "rate": "0" },
        "items": [
            { "product_id": "M8/40", "quantity": 2, "unit_price": "10.00", "product_name": " Schraube\n", "sku": OLD_SKU },
            { "product_id": "Cafe\u{301}?", "quantity": 1, "unit_price": "5.00", "product_name": "\u{200b}" },
            { "product_id": "3", "quantity": 1, "unit_price": "1.00" },
        ],
        "shipping_address": { "street": " Ilica\r\n1", "city": "Zagreb ", "country": "\u{feff}Croatia" },
    });
    stored(&api, &id, 1, "Order", "OrderCreated", 3, created).await;
    api.stack.caught_up().await.unwrap();

    let order = api.get(&format!("/orders/{id}")).await.body;
    assert_eq!(
        (&order["customer_id"], &order["currency"], &order["total_amount"]),
        (&json!(OLD_CUSTOMER), &json!("HRK"), &json!("26.00"))
    );
    assert_eq!(order["items"][0]["sku"], OLD_SKU);
    assert_eq!(order["items"][0]["product_name"], " Schraube\n");
    assert_eq!(order["shipping_address"]["city"], "Zagreb ");
    for path in ["/history", "/events", "?version=1", "?view=compact"] {
        assert_eq!(api.get(&format!("/orders/{id}{path}")).await.status, 200, "{path}");
    }
    let customer = escaped(OLD_CUSTOMER);
    for path in [
        format!("/orders?view=full&customer_id={customer}"),
        format!("/customers/-/orders?customer_id={customer}"),
        "/orders/search?q=zagreb".to_owned(),
    ] {
        let list = api
            .eventually(&path, |list| {
                list.body["data"].as_array().is_some_and(|data| !data.is_empty())
            })
            .await;
        assert_eq!(list.body["data"][0]["order_id"], json!(id), "{path}");
    }
    let summary = api
        .get(&format!("/customers/-/order-summary?customer_id={customer}"))
        .await;
    assert_eq!(
        (summary.status, &summary.body["totals"][0]["currency"]),
        (200, &json!("HRK"))
    );
    assert_eq!(
        api.get(&format!("/customers/-/notifications?customer_id={customer}"))
            .await
            .status,
        200
    );
    let day = &order["created_at"].as_str().unwrap()[..10];
    let report = api.get(&format!("/reports/daily-orders?date={day}")).await;
    assert_eq!(report.body["revenue"][0]["currency"], "HRK");

    // Its lines are removed by what they are called.
    for (product_id, version) in [("M8/40", 2), ("Cafe\u{301}?", 3)] {
        let path = format!("/orders/{id}/items/-?product_id={}", escaped(product_id));
        let removed = api.delete(&path).await;
        assert_eq!(
            (removed.status, &removed.body["version"]),
            (200, &json!(version)),
            "{}",
            removed.body
        );
        api.delete(&path).await.assert_problem(404, "item_not_found");
    }
    let both = api.delete(&format!("/orders/{id}/items/3?product_id=3")).await;
    assert_eq!(
        errors(&both),
        [("product_id", "is given with - in its place in the path")]
    );
    let one_more = json!({ "product_id": "3", "quantity": 1, "unit_price": 1 });
    assert_eq!(api.post(&format!("/orders/{id}/items"), one_more).await.status, 200);
    let confirmed = api
        .post(&format!("/orders/{id}/confirm"), json!({ "payment_method_id": "pm" }))
        .await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    let paid = api
        .post(
            &format!("/orders/{id}/payment"),
            json!({ "transaction_id": "t", "amount": 2 }),
        )
        .await;
    assert_eq!(paid.status, 200, "{}", paid.body);
}

#[tokio::test]
async fn stocks_of_before_are_shown_and_go_on() {
    let api = Api::start_with(options(true)).await;
    let stocks = [OLD_SKU, "M8/40"];
    for sku in stocks {
        let adjusted = json!({ "on_hand": 5, "reason": " counted " });
        stored(&api, &format!("stock-{sku}"), 1, "Stock", "StockAdjusted", 1, adjusted).await;
    }
    let list =
        |wanted: usize| move |list: &Answer| list.body["data"].as_array().is_some_and(|data| data.len() == wanted);
    api.eventually("/inventory", list(2)).await;
    for sku in stocks {
        let path = |rest: &str| format!("/inventory/-{rest}?sku={}", escaped(sku));
        assert_eq!(api.get(&path("")).await.body["on_hand"], 5, "{sku}");
        let received = api.post(&path("/receipts"), json!({ "quantity": 2 })).await;
        assert_eq!(
            (received.status, &received.body["on_hand"]),
            (200, &json!(7)),
            "{}",
            received.body
        );
        assert_eq!(api.put(&path(""), json!({ "on_hand": 0 })).await.status, 200);
    }
    assert_eq!(
        api.get(&format!("/inventory/{}?min_version=3", escaped(OLD_SKU)))
            .await
            .body["on_hand"],
        0
    );
}

#[tokio::test]
async fn customers_and_products_of_before_are_shown_and_replaced() {
    let api = Api::start().await;
    let put = async |table: &str, item: Value| {
        let item = serde_dynamo::to_item(item).unwrap();
        let put = api.stack.dynamodb().put_item().table_name(table);
        put.set_item(Some(item)).send().await.unwrap();
    };
    let updated_at = "2019-03-04T10:00:00.000000Z";
    put(
        "Customers",
        json!({ "CustomerId": "A/B", "Name": " Käthe\u{200b}", "Email": "käthe@localhost", "Version": 1, "UpdatedAt": updated_at }),
    )
    .await;
    put(
        "Products",
        json!({ "ProductId": OLD_SKU, "Name": " n ", "Sku": "M8/40", "UnitPrice": "7.50", "Currency": "BGN", "Version": 1, "UpdatedAt": updated_at }),
    )
    .await;
    let customer = api.get("/customers/-?customer_id=A%2FB").await;
    assert_eq!(
        (&customer.body["name"], &customer.body["email"]),
        (&json!(" Käthe\u{200b}"), &json!("käthe@localhost"))
    );
    let product = format!("/products/{}", escaped(OLD_SKU));
    let shown = api.get(&product).await;
    assert_eq!(
        (&shown.body["sku"], &shown.body["currency"]),
        (&json!("M8/40"), &json!("BGN")),
        "{}",
        shown.body
    );

    let customer = api
        .put("/customers/-?customer_id=A%2FB", json!({ "name": "Käthe" }))
        .await;
    assert_eq!(
        (customer.status, &customer.body["version"]),
        (200, &json!(2)),
        "{}",
        customer.body
    );
    let replaced = api
        .put(&product, json!({ "name": "n", "unit_price": 4, "currency": "EUR" }))
        .await;
    assert_eq!(
        (replaced.status, &replaced.body["version"]),
        (200, &json!(2)),
        "{}",
        replaced.body
    );
}

#[tokio::test]
async fn what_a_list_of_parked_aggregates_shows_can_be_named() {
    let api = Api::start_with(options(true)).await;
    let skus = ["S".repeat(64), "M8/40".to_owned()];
    for sku in &skus {
        let unreadable = json!({ "on_hand": "many" });
        stored(
            &api,
            &format!("stock-{sku}"),
            1,
            "Stock",
            "StockAdjusted",
            1,
            unreadable,
        )
        .await;
    }
    let listed = api
        .eventually("/admin/parked", |list| {
            list.body["data"].as_array().is_some_and(|data| data.len() >= 2)
        })
        .await;
    assert!(listed.body.to_string().contains(&skus[0]), "{}", listed.body);
    for entry in listed.body["data"].as_array().unwrap() {
        let projection = entry["projection"].as_str().unwrap();
        let id = escaped(entry["aggregate_id"].as_str().unwrap());
        let in_path = format!("/admin/parked/{projection}/{id}");
        let elsewhere = format!("/admin/parked/{projection}/-?aggregate_id={id}");
        let paths = if id.contains("%2F") {
            vec![elsewhere]
        } else {
            vec![in_path, elsewhere]
        };
        for path in paths {
            let shown = api.get(&path).await;
            assert_eq!(
                (shown.status, &shown.body["aggregate_id"]),
                (200, &entry["aggregate_id"]),
                "{path}"
            );
            let (path, query) = path.split_once('?').unwrap_or((&path, ""));
            let redriven = api.post_empty(&format!("{path}/redrive?{query}")).await;
            redriven.assert_problem(409, "still_failing");
        }
    }
}
