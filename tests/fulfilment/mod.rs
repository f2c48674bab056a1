//! Submitted orders: reserved, paid, confirmed and shipped by services that speak over the bus, or undone.
//!
//! | module | what it shows |
//! |---|---|
//! | [`happy_path`] | everything goes well, over HTTP, from the order to the mail |
//! | [`failures`] | everything that can go wrong, one at a time: nothing is lost, nothing stays taken |
//! | [`money`] | what is due, and what paid it: other methods, free orders, refunds that never work, transactions |
//! | [`payments`] | requests that come again when everything has happened |
//! | [`kept`] | a process that another environment has told something |
//! | [`killed`] | processes that are killed after any of their writes |
//! | [`bus`] | messages that the bus did not take are put again |
//! | [`contention`] | many orders for the last pieces |
//! | [`published_language`] | every message is as its schema says |
//! | [`switched_off`] | the shop sends the commands itself |

mod bus;
mod contention;
mod failures;
mod happy_path;
mod kept;
mod killed;
mod lines;
mod money;
mod payments;
mod published_language;
mod switched_off;

use domain::Aggregate;
use domain::stock::Stock;
use event_store::EventStore;
use local_stack::Options;
use payment_gateway::Sandbox;
use serde_json::{Value, json};

use crate::support::api::{address, options};
use crate::support::{Api, SHARDS, template_of};

/// A stack that fulfils orders.
pub async fn fulfilling() -> Api {
    Api::start_with(options(true)).await
}

/// The same with other options, and with some variables of all functions that have them changed.
pub async fn fulfilling_with(options: Options, changed: &[(&str, &str)]) -> Api {
    let mut template = template_of(&options);
    for function in &mut template.functions {
        for (name, value) in changed {
            if let Some(variable) = function.environment.get_mut(*name) {
                *variable = (*value).to_owned();
            }
        }
    }
    Api::start_from(template, options).await
}

/// An order of pieces of some SKUs, at 10.00 each.
pub fn body(lines: &[(&str, u32)]) -> Value {
    let item = |(sku, quantity): &(&str, u32)| json!({ "product_id": format!("P-{sku}"), "sku": sku, "quantity": quantity, "unit_price": "10.00" });
    let items: Vec<_> = lines.iter().map(item).collect();
    json!({ "customer_id": "VINET", "items": items, "shipping_address": address() })
}

/// What is to be true of an order's money, in the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Money {
    Taken(&'static str),
    None,
}

impl Api {
    /// So many pieces of a SKU arrive.
    pub async fn stock_up(&self, sku: &str, on_hand: u32) {
        let answer = self
            .put(&format!("/inventory/{sku}"), json!({ "on_hand": on_hand }))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// What the events say of a SKU: pieces on hand, and of those reserved.
    pub async fn stock(&self, sku: &str) -> (u32, u32) {
        let store = EventStore::new(self.stack.dynamodb(), "EventStore", SHARDS);
        let stream = store
            .load::<Stock>(&Stock::aggregate_id(&sku.parse().unwrap()))
            .await
            .unwrap();
        let stock = stream.state.unwrap_or_default();
        (stock.on_hand.get(), stock.reserved().get())
    }

    /// Creates an order and submits it with a payment method.
    pub async fn submit(&self, body: Value, payment_method_id: &str) -> String {
        let created = self.post("/orders", body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let order_id = created.body["order_id"].as_str().unwrap().to_owned();
        let path = format!("/orders/{order_id}/submit");
        let submitted = self
            .post(&path, json!({ "payment_method_id": payment_method_id }))
            .await;
        assert_eq!(submitted.status, 200, "{}", submitted.body);
        order_id
    }

    pub async fn cancel(&self, order_id: &str) {
        let path = format!("/orders/{order_id}/cancel");
        let cancelled = self.post(&path, json!({ "reason": "changed my mind" })).await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    }

    pub async fn ship(&self, order_id: &str) {
        let path = format!("/orders/{order_id}/ship");
        let shipped = self
            .post(&path, json!({ "tracking_number": "1Z", "carrier": "Federal Shipping" }))
            .await;
        assert_eq!(shipped.status, 200, "{}", shipped.body);
    }

    /// The fulfilment of an order, once `wished` is true of it.
    pub async fn fulfilment_when(&self, order_id: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/orders/{order_id}/fulfilment");
        self.eventually(&path, |answer| answer.status == 200 && wished(&answer.body))
            .await
            .body
    }

    /// The fulfilment of an order, once it has this status.
    pub async fn fulfilment_is(&self, order_id: &str, status: &str) -> Value {
        self.fulfilment_when(order_id, |fulfilment| fulfilment["status"] == status)
            .await
    }

    /// What must be true of an order whose fulfilment has come to rest: it has one final state, its history says why, and
    /// the customer's money is where it should be.
    pub async fn assert_settled(&self, order_id: &str, status: &str, reason: Option<&str>, money: Money) {
        self.stack.caught_up().await.unwrap();
        let order = self.get(&format!("/orders/{order_id}")).await.body;
        assert_eq!(order["status"], status, "{order}");
        match reason {
            Some(reason) => {
                let given = order["cancellation_reason"].as_str().unwrap();
                assert!(given.contains(reason), "{given}");
            }
            None => assert_eq!(order["cancellation_reason"], Value::Null),
        }
        let balance = Sandbox::shared().balance(order_id);
        let kept = balance.captured - balance.refunded;
        assert!(balance.held.is_zero(), "{order_id}: {balance:?}");
        match money {
            Money::Taken(amount) => assert_eq!(kept.to_string(), amount, "{balance:?}"),
            Money::None => assert!(kept.is_zero(), "{balance:?}"),
        }
        let fulfilment = self.get(&format!("/orders/{order_id}/fulfilment")).await.body;
        let steps = fulfilment["steps"].as_array().unwrap();
        let ends = steps.iter().filter(|step| step["event"] == "FulfilmentEnded").count();
        assert!(ends <= 1, "{fulfilment}");
        assert_eq!(self.stack.dead_messages().len(), 0);
    }
}
