//! What a customer was told, as the customer's own list shows it.

use chrono::{DateTime, TimeDelta, Utc};
use local_stack::LocalStack;
use sent_letters::Notifications;
use sent_letters::{Channel, Notification, State};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, environment, template};

fn start() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// The `n`th notification of a customer, a second after the one before.
fn notification(customer_id: &str, n: u16, state: State) -> Notification {
    let notification_id = Uuid::from_u128(u128::from(n));
    let at = start() + TimeDelta::seconds(n.into());
    Notification {
        customer_id: customer_id.parse().unwrap(),
        notification_key: format!("{}#{notification_id}", domain::time::rfc3339_micros(at)),
        notification_id,
        message_id: Uuid::nil(),
        correlation_id: None,
        order_id: Uuid::nil().to_string().parse().unwrap(),
        channel: Channel::Email,
        template: "order_shipped".to_owned(),
        subject: "Your order is on its way".to_owned(),
        created_at: at,
        state,
    }
}

fn sent(n: u16) -> State {
    let sent_at = start() + TimeDelta::seconds(i64::from(n) + 1);
    State::Sent { sent_at }
}

async fn given(stack: &LocalStack, notifications: impl IntoIterator<Item = Notification>) {
    let env = environment(&template(), "customer-queries", &[]);
    let table = Notifications::from_env(&env, stack.dynamodb()).unwrap();
    for notification in notifications {
        table.put(&notification, None).await.unwrap();
    }
}

fn ids(page: &Value) -> Vec<u128> {
    let page = page["data"].as_array().unwrap().iter();
    let ids = page.map(|row| row["notification_id"].as_str().unwrap().parse::<Uuid>().unwrap());
    ids.map(|id| id.as_u128()).collect()
}

#[tokio::test]
async fn a_customer_sees_its_own_notifications_newest_first_page_by_page() {
    let api = Api::start().await;
    let path = "/customers/VINET/notifications";
    assert_eq!(
        api.get(path).await.body,
        json!({ "data": [], "next_cursor": null }),
        "of a customer that nobody knows"
    );
    given(&api.stack, (0..7).map(|n| notification("VINET", n, sent(n)))).await;
    given(&api.stack, [notification("TOMSP", 9, sent(9))]).await;

    let whole = api.get(path).await;
    assert_eq!(ids(&whole.body), [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(whole.body["next_cursor"], Value::Null);
    assert_eq!(whole.header("cache-control"), Some("no-store"));
    for page_size in [1, 3, 6, 7] {
        let mut found = Vec::new();
        let mut next = format!("{path}?page_size={page_size}");
        loop {
            let page = api.get(&next).await.body;
            assert!(page["data"].as_array().unwrap().len() <= page_size);
            found.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            next = format!("{path}?page_size={page_size}&cursor={cursor}");
        }
        assert_eq!(found, ids(&whole.body), "in pages of {page_size}");
    }
}

#[tokio::test]
async fn each_state_is_shown_without_what_is_inside() {
    let api = Api::start().await;
    let pending = State::Pending {
        claim_id: Uuid::new_v4(),
        claimed_until: start(),
    };
    let failed = State::Failed {
        failure_code: "message_rejected".to_owned(),
    };
    let states = [pending, sent(1), failed, State::NoAddress];
    given(
        &api.stack,
        (0..).zip(states).map(|(n, state)| notification("Ωμέγα", n, state)),
    )
    .await;
    let list = api.get("/customers/%CE%A9%CE%BC%CE%AD%CE%B3%CE%B1/notifications").await;
    let data = list.body["data"].as_array().unwrap();
    let shown: Vec<_> = data
        .iter()
        .rev()
        .map(|row| (row["status"].as_str().unwrap(), row["sent_at"].as_str()))
        .collect();
    let expected = [
        ("pending", None),
        ("sent", Some("2026-11-20T12:00:02.000000Z")),
        ("failed", None),
        ("no_address", None),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        data[2],
        json!({
            "notification_id": Uuid::from_u128(1),
            "order_id": Uuid::nil(),
            "channel": "email",
            "template": "order_shipped",
            "subject": "Your order is on its way",
            "status": "sent",
            "created_at": "2026-11-20T12:00:01.000000Z",
            "sent_at": "2026-11-20T12:00:02.000000Z",
        })
    );
}

#[tokio::test]
async fn parameters_and_cursors_that_cannot_be_used_are_400_and_named() {
    let api = Api::start().await;
    given(&api.stack, (0..2).map(|n| notification("VINET", n, sent(n)))).await;
    let path = "/customers/VINET/notifications";
    for (query, field) in [
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("status=sent", "status"),
    ] {
        let answer = api.get(&format!("{path}?{query}")).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), [field]);
    }
    let page = api.get(&format!("{path}?page_size=1")).await;
    let cursor = page.body["next_cursor"].as_str().unwrap();
    // A cursor of one customer opens nothing of another's.
    for path in [
        format!("/customers/TOMSP/notifications?cursor={cursor}"),
        format!("/customers/VINET/orders?cursor={cursor}"),
        format!("{path}?cursor={cursor}A"),
    ] {
        api.get(&path).await.assert_problem(400, "invalid_cursor");
    }
}
