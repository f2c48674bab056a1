//! Everything that can go wrong, one at a time. In the end stock is what it was, or what was sold; the money taken is the
//! money due; the order has one final state; and its history says why.

use local_stack::{BusFaults, Options};
use payment_gateway::Sandbox;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Money, body, fulfilling, fulfilling_with};
use crate::support::api::options;
use crate::support::{Answer, Api, TestFolder, project};

/// Two of three SKUs of [`order`] are plentiful.
async fn stocked(api: &Api) {
    for (sku, on_hand) in [("A-1", 100), ("B-2", 100), ("C-3", 100)] {
        api.stock_up(sku, on_hand).await;
    }
}

/// 60.00 in all.
fn order() -> Value {
    body(&[("A-1", 1), ("B-2", 2), ("C-3", 3)])
}

async fn assert_untouched(api: &Api) {
    for sku in ["A-1", "B-2", "C-3"] {
        assert_eq!(api.stock(sku).await, (100, 0), "{sku}");
    }
}

#[tokio::test]
async fn one_of_three_skus_that_is_short_releases_the_others() {
    let api = fulfilling().await;
    stocked(&api).await;
    api.stock_up("C-3", 2).await;
    let order_id = api.submit(order(), "pm_visa").await;
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "out_of_stock");
    assert_eq!(fulfilment["lines"][2]["available"], 2);
    let reason = Some("Out of stock: C-3 (3 wanted)");
    api.assert_settled(&order_id, "cancelled", reason, Money::None).await;
    assert_eq!(
        (api.stock("A-1").await, api.stock("B-2").await, api.stock("C-3").await),
        ((100, 0), (100, 0), (2, 0))
    );
}

#[tokio::test]
async fn a_declined_payment_releases_the_stock() {
    let api = fulfilling_with(options(true), &[("PAYMENT_ATTEMPTS", "1")]).await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_declined").await;
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "payment_failed");
    assert_eq!(fulfilment["payment"]["failure_code"], "card_declined");
    api.assert_settled(&order_id, "cancelled", Some("The payment failed"), Money::None)
        .await;
    assert_untouched(&api).await;
}

#[tokio::test]
async fn a_payment_that_fails_once_is_tried_again() {
    let api = fulfilling().await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_fail_once").await;
    let fulfilment = api.fulfilment_is(&order_id, "awaiting_shipment").await;
    assert_eq!(fulfilment["payment"]["attempts"], 2);
    api.assert_settled(&order_id, "paid", None, Money::Taken("60.00")).await;
}

#[tokio::test]
async fn a_payment_whose_answer_is_lost_is_taken_once() {
    let api = fulfilling().await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_lost_answer").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.assert_settled(&order_id, "paid", None, Money::Taken("60.00")).await;
}

/// The provider never answers, or only after the process has given up.
#[tokio::test]
async fn a_payment_that_is_not_answered_in_time_is_undone_also_when_it_succeeds_later() {
    let changed = [("STEP_TIMEOUTS", "take_payment:1"), ("PAYMENT_TIMEOUT_SECONDS", "2")];
    let api = fulfilling_with(options(true), &changed).await;
    stocked(&api).await;
    for payment_method in ["pm_timeout", "pm_slow"] {
        let order_id = api.submit(order(), payment_method).await;
        let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
        assert_eq!(
            fulfilment["problem"]["code"], "take_payment_timed_out",
            "{payment_method}"
        );
        api.assert_settled(&order_id, "cancelled", Some("took too long"), Money::None)
            .await;
        assert_untouched(&api).await;
    }
}

#[tokio::test]
async fn money_that_was_taken_after_the_process_had_given_up_goes_back() {
    let changed = [("STEP_TIMEOUTS", "take_payment:1"), ("PAYMENT_TIMEOUT_SECONDS", "6")];
    let api = fulfilling_with(options(true), &changed).await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_slow_capture").await;
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "take_payment_timed_out");
    api.assert_settled(&order_id, "cancelled", Some("took too long"), Money::None)
        .await;
    let balance = Sandbox::shared().balance(&order_id);
    assert_eq!(balance.captured, Decimal::from(60), "{balance:?}");
    assert_untouched(&api).await;
}

/// Everything that the process is told but the submission and the timers is lost: when an answer is due, it looks itself.
#[tokio::test]
async fn answers_that_are_lost_are_looked_up_when_they_are_due() {
    let template = std::fs::read_to_string(project().join("template.yaml")).unwrap();
    let (before, after) = template.split_once("  FulfilmentRule:").unwrap();
    let (rule, after) = after.split_once("Targets:").unwrap();
    let told = ["OrderSubmitted", "TimerDue"];
    let is_told = |line: &&str| !line.trim().starts_with("- ") || told.iter().any(|told| line.ends_with(told));
    let rule: Vec<_> = rule.lines().filter(is_told).collect();
    let folder = TestFolder::new();
    let deaf = folder.path("template.yaml");
    let text = format!(
        "{before}  FulfilmentRule:{}\n      Targets:{after}",
        rule.join("\n").trim_end()
    );
    std::fs::write(&deaf, text).unwrap();
    let mut options = Options {
        template: deaf,
        ..options(true)
    };
    let steps = [
        "reserve_stock",
        "take_payment",
        "hold_stock",
        "confirm_order",
        "record_payment",
        "commit_stock",
        "cancel_order",
        "release_stock",
        "return_payment",
    ];
    let soon: Vec<_> = steps.map(|step| format!("{step}:2")).to_vec();
    // Longer than it takes to ship.
    let timeouts = format!("{},ship:10", soon.join(","));
    options.parameters.insert("StepTimeouts".to_owned(), timeouts);
    options.parameters.insert("PaymentAttempts".to_owned(), "1".to_owned());
    let api = Api::start_with(options).await;
    stocked(&api).await;

    let shipped = api.submit(order(), "pm_visa").await;
    let is_paid = |answer: &Answer| answer.body["status"] == "paid";
    api.eventually(&format!("/orders/{shipped}"), is_paid).await;
    api.ship(&shipped).await;
    api.fulfilment_is(&shipped, "completed").await;
    api.assert_settled(&shipped, "shipped", None, Money::Taken("60.00"))
        .await;

    let declined = api.submit(order(), "pm_declined").await;
    api.fulfilment_is(&declined, "cancelled").await;
    api.assert_settled(&declined, "cancelled", Some("The payment failed"), Money::None)
        .await;
    assert_eq!((api.stock("A-1").await, api.stock("C-3").await), ((99, 0), (97, 0)));
}

#[tokio::test]
async fn an_order_of_many_skus_is_fulfilled_like_any_other() {
    let api = fulfilling().await;
    let skus: Vec<String> = (0..60).map(|n| format!("S-{n}")).collect();
    for sku in &skus {
        api.stock_up(sku, 5).await;
    }
    let lines: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 2)).collect();
    let order_id = api.submit(body(&lines), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    for sku in &skus {
        assert_eq!(api.stock(sku).await, (5, 2), "{sku}");
    }
}

#[tokio::test]
async fn a_customer_who_never_chooses_how_to_pay_gives_the_stock_back() {
    let api = fulfilling_with(options(true), &[("STEP_TIMEOUTS", "choose_payment:1")]).await;
    stocked(&api).await;
    let created = api.post("/orders", order()).await;
    let order_id = created.body["order_id"].as_str().unwrap().to_owned();
    api.post_empty(&format!("/orders/{order_id}/submit")).await;
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "choose_payment_timed_out");
    assert_untouched(&api).await;
}

#[tokio::test]
async fn a_cancellation_before_the_reservation_is_answered_is_honoured() {
    let api = fulfilling().await;
    stocked(&api).await;
    api.stack.pause_bus();
    let order_id = api.submit(order(), "pm_visa").await;
    api.cancel(&order_id).await;
    api.stack.resume_bus();
    api.fulfilment_is(&order_id, "cancelled").await;
    api.assert_settled(&order_id, "cancelled", Some("changed my mind"), Money::None)
        .await;
    assert_untouched(&api).await;
}

#[tokio::test]
async fn a_cancellation_while_the_payment_is_under_way_is_honoured() {
    let api = fulfilling_with(options(true), &[("PAYMENT_TIMEOUT_SECONDS", "2")]).await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_slow").await;
    api.fulfilment_when(&order_id, |fulfilment| fulfilment["payment"]["status"] == "requested")
        .await;
    api.cancel(&order_id).await;
    api.fulfilment_is(&order_id, "cancelled").await;
    api.assert_settled(&order_id, "cancelled", Some("changed my mind"), Money::None)
        .await;
    assert_untouched(&api).await;
}

#[tokio::test]
async fn a_cancellation_after_the_payment_gives_the_money_back() {
    let api = fulfilling().await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.cancel(&order_id).await;
    api.fulfilment_is(&order_id, "cancelled").await;
    api.assert_settled(&order_id, "cancelled", Some("changed my mind"), Money::None)
        .await;
    assert_untouched(&api).await;
}

#[tokio::test]
async fn a_part_of_the_money_may_be_kept() {
    let api = fulfilling().await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    let cancel = json!({ "reason": "unpacked already", "refund_amount": "50.00" });
    assert_eq!(
        api.post(&format!("/orders/{order_id}/cancel"), cancel).await.status,
        200
    );
    api.fulfilment_is(&order_id, "cancelled").await;
    api.assert_settled(&order_id, "cancelled", Some("unpacked already"), Money::Taken("10.00"))
        .await;
    assert_untouched(&api).await;
}

#[tokio::test]
async fn a_refund_that_fails_is_repeated() {
    let api = fulfilling().await;
    stocked(&api).await;
    let order_id = api.submit(order(), "pm_refund_fails_once").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.cancel(&order_id).await;
    api.fulfilment_is(&order_id, "cancelled").await;
    api.assert_settled(&order_id, "cancelled", Some("changed my mind"), Money::None)
        .await;
    assert_untouched(&api).await;
}

/// Customers change their minds at any moment.
#[tokio::test]
async fn a_cancellation_at_any_moment_undoes_everything() {
    let api = fulfilling().await;
    stocked(&api).await;
    let mut orders = Vec::new();
    // Once so many steps of its process are taken, until there is nothing more to wait for.
    for steps in 0.. {
        let order_id = api.submit(order(), "pm_visa").await;
        let is_there = |fulfilment: &Value| {
            fulfilment["status"] == "awaiting_shipment" || fulfilment["steps"].as_array().unwrap().len() >= steps
        };
        let was_complete = match steps {
            0 => false,
            _ => api.fulfilment_when(&order_id, is_there).await["status"] == "awaiting_shipment",
        };
        api.cancel(&order_id).await;
        orders.push(order_id);
        if was_complete {
            break;
        }
    }
    assert!(orders.len() > 5, "{}", orders.len());
    for order_id in &orders {
        api.fulfilment_is(order_id, "cancelled").await;
        api.assert_settled(order_id, "cancelled", Some("changed my mind"), Money::None)
            .await;
    }
    assert_untouched(&api).await;
}

#[tokio::test]
async fn what_happened_while_the_bus_was_down_is_told_afterwards() {
    let api = fulfilling().await;
    stocked(&api).await;
    let first = api.submit(order(), "pm_visa").await;
    api.stack.pause_bus();
    let second = api.submit(order(), "pm_visa").await;
    api.get(&format!("/orders/{second}/fulfilment"))
        .await
        .assert_problem(404, "fulfilment_not_found");
    api.stack.resume_bus();
    for order_id in [&first, &second] {
        api.fulfilment_is(order_id, "awaiting_shipment").await;
        api.assert_settled(order_id, "paid", None, Money::Taken("60.00")).await;
    }
    assert_eq!(api.stock("A-1").await, (100, 2));
}

/// Everything at once, on a bus that delivers twice and in no order.
#[tokio::test]
async fn a_bus_that_delivers_twice_and_out_of_order_changes_nothing() {
    let options = Options {
        bus_faults: BusFaults {
            deliver_twice: true,
            shuffle: Some(7),
        },
        ..options(true)
    };
    let api = fulfilling_with(options, &[("PAYMENT_ATTEMPTS", "1")]).await;
    stocked(&api).await;
    api.stock_up("D-4", 1).await;
    let mut shipped = Vec::new();
    let mut cancelled = Vec::new();
    for n in 0..4 {
        shipped.push(api.submit(order(), "pm_visa").await);
        cancelled.push((api.submit(order(), "pm_declined").await, "The payment failed"));
        let short = body(&[("A-1", 1), ("D-4", 2)]);
        cancelled.push((api.submit(short, "pm_visa").await, "Out of stock"));
        let order_id = api.submit(order(), "pm_visa").await;
        if n % 2 == 0 {
            api.fulfilment_is(&order_id, "awaiting_shipment").await;
        }
        api.cancel(&order_id).await;
        cancelled.push((order_id, "changed my mind"));
    }
    for order_id in &shipped {
        api.fulfilment_is(order_id, "awaiting_shipment").await;
        api.ship(order_id).await;
    }
    for order_id in &shipped {
        api.fulfilment_is(order_id, "completed").await;
        api.assert_settled(order_id, "shipped", None, Money::Taken("60.00"))
            .await;
    }
    for (order_id, reason) in &cancelled {
        api.fulfilment_is(order_id, "cancelled").await;
        api.assert_settled(order_id, "cancelled", Some(reason), Money::None)
            .await;
    }
    api.stack.caught_up().await.unwrap();
    assert_eq!((api.stock("A-1").await, api.stock("C-3").await), ((96, 0), (88, 0)));
    assert_eq!(api.stock("D-4").await, (1, 0));
}

/// The shop ships what it has not reserved, or records a payment itself: the process goes along.
#[tokio::test]
async fn a_payment_that_the_shop_records_itself_replaces_that_of_the_process() {
    let api = fulfilling().await;
    stocked(&api).await;
    let created = api.post("/orders", order()).await;
    let order_id = created.body["order_id"].as_str().unwrap().to_owned();
    api.stack.pause_bus();
    api.post_empty(&format!("/orders/{order_id}/submit")).await;
    let confirm = json!({ "payment_method_id": "pm_visa" });
    assert_eq!(
        api.post(&format!("/orders/{order_id}/confirm"), confirm).await.status,
        200
    );
    let cash = json!({ "transaction_id": "cash-7", "amount": "60.00" });
    assert_eq!(api.post(&format!("/orders/{order_id}/payment"), cash).await.status, 200);
    api.stack.resume_bus();
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.assert_settled(&order_id, "paid", None, Money::None).await;
    assert_eq!(api.stock("A-1").await, (100, 1));
}
