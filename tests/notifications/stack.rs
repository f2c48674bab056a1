//! From a command over HTTP to the mail: event store, relay, bus, rule, queue and function.

use local_stack::Options;
use mailparse::parse_mail;
use serde_json::{Value, json};

use super::{header, new_mails};
use crate::support::api::address;
use crate::support::{Answer, Api, TestFolder, project};

#[tokio::test]
async fn what_becomes_of_orders_lies_in_the_maildir_and_in_the_customers_list() {
    let folder = TestFolder::new();
    let options = Options {
        // The shop sends the commands itself.
        parameters: [("Fulfilment".to_owned(), "DISABLED".to_owned())].into(),
        variables: run::mails::variables(Some(&folder.path("mail"))),
        ..Options::in_memory(project().join("template.yaml"))
    };
    let api = Api::start_with(options).await;
    let customer = json!({ "name": "Vins et alcools Chevalier", "email": "chevalier@example.com" });
    api.put("/customers/VINET", customer).await;
    let (sent, cancelled) = (api.create_order().await, api.create_order().await);
    // Nobody hears of a basket.
    let basket = api.create_order().await;
    let reason = json!({ "reason": "Only looking" });
    assert_eq!(api.post(&format!("/orders/{basket}/cancel"), reason).await.status, 200);
    api.post_empty(&format!("/orders/{cancelled}/submit")).await;
    for (order, command, body) in [
        (&sent, "confirm", json!({ "payment_method_id": "pm" })),
        (
            &sent,
            "ship",
            json!({ "tracking_number": "1Z 999 AA1", "carrier": "Federal Shipping" }),
        ),
        (&cancelled, "cancel", json!({ "reason": "Ordered twice" })),
    ] {
        let request = api.request(reqwest::Method::POST, &format!("/orders/{order}/{command}"));
        let answer = Answer::of(request.header("x-correlation-id", command).json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let list = api
        .eventually("/customers/VINET/notifications", |answer| {
            let data = answer.body["data"].as_array();
            data.is_some_and(|data| data.len() == 3 && data.iter().all(|told| told["status"] == "sent"))
        })
        .await;
    let data = list.body["data"].as_array().unwrap().iter();
    let told: Vec<_> = data.map(|told| [&told["template"], &told["order_id"]]).collect();
    let expected = [
        ("order_cancelled", &cancelled),
        ("order_shipped", &sent),
        ("order_confirmed", &sent),
    ];
    let expected = expected.map(|(template, order)| [json!(template), json!(order)]);
    assert_eq!(told, expected.each_ref().map(|[template, order]| [template, order]));

    let items = api.stack.dynamodb().scan().table_name("Notifications").send().await;
    let items = items.unwrap().items.unwrap();
    let mut correlations: Vec<_> = items.iter().map(|item| item["CorrelationId"].as_s().unwrap()).collect();
    correlations.sort();
    assert_eq!(correlations, ["cancel", "confirm", "ship"]);

    let mails = new_mails(&folder);
    let mut subjects: Vec<_> = mails
        .iter()
        .map(|mail| Value::from(header(&parse_mail(mail).unwrap(), "Subject")))
        .collect();
    let mut listed: Vec<_> = list.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| told["subject"].clone())
        .collect();
    subjects.sort_by_key(Value::to_string);
    listed.sort_by_key(Value::to_string);
    assert_eq!(subjects, listed);
}

/// Where the process takes the payment, what the customer is told is what has become of it.
#[tokio::test]
async fn nothing_is_told_to_be_confirmed_that_was_never_paid() {
    let parameters = [("StepTimeouts", "choose_payment:4"), ("PaymentAttempts", "2")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = Options {
        parameters: parameters.into(),
        ..Options::in_memory(project().join("template.yaml"))
    };
    let api = Api::start_with(options).await;
    let order_of = async |customer: &str, price: &str| {
        let item = json!({ "product_id": "P", "quantity": 1, "unit_price": price });
        let order = json!({ "customer_id": customer, "items": [item], "shipping_address": address() });
        let order_id = api.post("/orders", order).await.body["order_id"].clone();
        let order_id = order_id.as_str().unwrap().to_owned();
        api.post_empty(&format!("/orders/{order_id}/submit")).await;
        order_id
    };
    let confirm = async |order_id: &str, method: &str| {
        let body = json!({ "payment_method_id": method });
        let confirmed = api.post(&format!("/orders/{order_id}/confirm"), body).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    };
    let customers = ["DECLINED", "SECOND", "FREE"];
    let [declined, second, free] = [
        order_of("DECLINED", "5.00"),
        order_of("SECOND", "5.00"),
        order_of("FREE", "0"),
    ];
    let (declined, second, free) = (declined.await, second.await, free.await);
    confirm(&declined, "pm_declined").await;
    confirm(&second, "pm_declined").await;
    api.fulfilment_when(&second, |it| it["payment"]["status"] == "failed")
        .await;
    confirm(&second, "pm_visa").await;
    for (order_id, status) in [
        (&declined, "cancelled"),
        (&second, "awaiting_shipment"),
        (&free, "awaiting_shipment"),
    ] {
        api.fulfilment_is(order_id, status).await;
    }
    api.stack.caught_up().await.unwrap();
    let mut told = Vec::new();
    for customer in customers {
        let list = api.get(&format!("/customers/{customer}/notifications")).await;
        let data = list.body["data"].as_array().unwrap().iter();
        told.push(
            data.map(|told| told["template"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(told[0], ["order_cancelled", "payment_failed"]);
    assert_eq!(told[1], ["order_confirmed", "payment_failed"]);
    assert_eq!(told[2], ["order_confirmed"]);
}
