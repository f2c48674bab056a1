//! From a command over HTTP to the mail: event store, relay, bus, rule, queue and function.

use local_stack::Options;
use mailparse::parse_mail;
use serde_json::{Value, json};

use super::{header, new_mails};
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
