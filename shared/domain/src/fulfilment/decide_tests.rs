//! given(inputs).when(input).then(events): what the process makes of what it is told, in every order.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::fulfilment::Timeouts;
use crate::fulfilment::event::{Outcome, Start, StartLine, Step, StockNews};
use crate::quantity::Pieces;
use crate::testing::Given;
use crate::text::Reason;
use crate::text::Sku;

/// A process that was told all of `inputs`.
fn given(inputs: impl IntoIterator<Item = Input>) -> Given<Fulfilment> {
    inputs.into_iter().fold(Given::new([], context()), Given::and)
}

/// Told `input` after `inputs`, the process writes that down, and then `events`.
#[track_caller]
fn leads_to(inputs: impl IntoIterator<Item = Input>, input: Input, events: impl IntoIterator<Item = FulfilmentEvent>) {
    let told = match input.clone() {
        Input::OrderSubmitted(start) => FulfilmentEvent::FulfilmentStarted(start),
        Input::Order(news) => FulfilmentEvent::FulfilmentOrderChanged { news },
        Input::Stock { sku, version, news } => FulfilmentEvent::FulfilmentStockChanged {
            sku,
            stock_version: version,
            news,
        },
        Input::Payment { version, news } => FulfilmentEvent::FulfilmentPaymentChanged {
            payment_version: version,
            news,
        },
        Input::TimerDue { step, .. } => FulfilmentEvent::FulfilmentStepTimedOut { step },
    };
    let events = std::iter::once(told).chain(events);
    given(inputs).when(input).then(events);
}

fn process(inputs: impl IntoIterator<Item = Input>) -> Fulfilment {
    given(inputs).state().unwrap_or_default()
}

fn asks(step: Step) -> FulfilmentEvent {
    asks_for(step, 1)
}

/// The same with so many times the wait.
fn asks_for(step: Step, times: i32) -> FulfilmentEvent {
    let expires_at = (step == Step::ReserveStock).then(|| now() + timeouts().reservation());
    FulfilmentEvent::FulfilmentStepRequested {
        step,
        due_at: now() + timeouts().of(step) * times,
        expires_at,
    }
}

fn abandoned(code: &str, reason: &str) -> FulfilmentEvent {
    let (code, reason) = (code.to_owned(), reason.parse().unwrap());
    FulfilmentEvent::FulfilmentAbandoned { code, reason }
}

fn ended(outcome: Outcome) -> FulfilmentEvent {
    FulfilmentEvent::FulfilmentEnded { outcome }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn timeouts() -> Timeouts {
    "reserve_stock:60,choose_payment:900,take_payment:120".parse().unwrap()
}

fn context() -> Context {
    Context {
        now: now(),
        timeouts: timeouts(),
        is_on: true,
    }
}

fn sku(sku: &str) -> Sku {
    sku.parse().unwrap()
}

fn pieces(pieces: u32) -> Pieces {
    pieces.try_into().unwrap()
}

/// An order of 2 × A and 3 × B.
fn submitted() -> Input {
    submission(Some("pm_visa"), &[("A", 2), ("B", 3)])
}

fn submission(payment_method_id: Option<&str>, lines: &[(&str, u32)]) -> Input {
    let line = |(of, quantity): &(&str, u32)| StartLine {
        sku: sku(of),
        quantity: pieces(*quantity),
    };
    Input::OrderSubmitted(Start {
        customer_id: "VINET".parse().unwrap(),
        currency: "EUR".parse().unwrap(),
        total_amount: "22.00".parse().unwrap(),
        payment_method_id: payment_method_id.map(|id| id.parse().unwrap()),
        lines: lines.iter().map(line).collect(),
    })
}

fn stock(of: &str, version: u64, news: StockNews) -> Input {
    let sku = sku(of);
    Input::Stock { sku, version, news }
}

fn reserved(of: &str) -> Input {
    let expires_at = Some(now() + TimeDelta::hours(1));
    stock(of, 2, StockNews::Reserved { expires_at })
}

fn held(of: &str) -> Input {
    stock(of, 3, StockNews::Reserved { expires_at: None })
}

fn refused(of: &str) -> Input {
    let (wanted, available) = (pieces(3), pieces(1));
    stock(of, 2, StockNews::Refused { wanted, available })
}

fn released(of: &str) -> Input {
    stock(of, 9, StockNews::Released)
}

fn committed(of: &str) -> Input {
    stock(of, 9, StockNews::Committed)
}

fn taken() -> Input {
    let (transaction_id, amount) = ("pi_1".parse().unwrap(), "22.00".parse().unwrap());
    let news = PaymentNews::Taken { transaction_id, amount };
    Input::Payment { version: 3, news }
}

fn failed(version: u64, retryable: bool) -> Input {
    let (code, reason) = ("card_declined".to_owned(), "the card was declined".to_owned());
    let news = PaymentNews::Failed {
        code,
        reason,
        retryable,
    };
    Input::Payment { version, news }
}

fn returned() -> Input {
    let amount = "22.00".parse().unwrap();
    let news = PaymentNews::Returned { amount };
    Input::Payment { version: 5, news }
}

fn confirmed() -> Input {
    let payment_method_id = "pm_visa".parse().unwrap();
    Input::Order(OrderNews::Confirmed { payment_method_id })
}

fn paid(transaction: &str) -> Input {
    let transaction_id = transaction.parse().unwrap();
    Input::Order(OrderNews::Paid { transaction_id })
}

fn shipped() -> Input {
    Input::Order(OrderNews::Shipped)
}

fn cancelled() -> Input {
    Input::Order(OrderNews::Cancelled {
        reason: Reason::shortened("changed my mind"),
        refund_amount: "5.00".parse().unwrap(),
        paid_with: None,
    })
}

fn due(step: Step) -> Input {
    let due_at = now() + timeouts().of(step);
    Input::TimerDue { step, due_at }
}

/// Everything up to the request for the payment.
fn at_payment() -> Vec<Input> {
    vec![submitted(), reserved("A"), reserved("B")]
}

/// Everything up to the request for the shipment.
fn at_shipment() -> Vec<Input> {
    let mut inputs = at_payment();
    inputs.extend([taken(), held("A"), held("B"), confirmed(), paid("pi_1")]);
    inputs
}

#[test]
fn an_order_goes_from_step_to_step() {
    leads_to([], submitted(), [asks(Step::ReserveStock)]);
    leads_to([submitted()], reserved("A"), []);
    leads_to([submitted(), reserved("A")], reserved("B"), [asks(Step::TakePayment)]);
    leads_to(at_payment(), taken(), [asks(Step::HoldStock), asks(Step::ConfirmOrder)]);
    let mut inputs = at_payment();
    inputs.extend([taken(), held("A"), held("B")]);
    leads_to(inputs.clone(), confirmed(), [asks(Step::RecordPayment)]);
    inputs.push(confirmed());
    leads_to(inputs, paid("pi_1"), [asks(Step::Ship)]);
    leads_to(at_shipment(), shipped(), [asks(Step::CommitStock)]);
    let mut inputs = at_shipment();
    inputs.extend([shipped(), committed("A")]);
    leads_to(inputs, committed("B"), [ended(Outcome::Completed)]);
}

#[test]
fn an_order_without_anything_in_stock_begins_with_the_payment() {
    leads_to([], submission(Some("pm_visa"), &[]), [asks(Step::TakePayment)]);
    leads_to(
        [submission(Some("pm_visa"), &[]), taken(), confirmed()],
        paid("pi_1"),
        [asks(Step::Ship)],
    );
}

#[test]
fn without_a_payment_method_the_customer_is_waited_for() {
    let inputs = [submission(None, &[("A", 2)])];
    leads_to(inputs.clone(), reserved("A"), [asks(Step::ChoosePayment)]);
    let mut inputs = inputs.to_vec();
    inputs.push(reserved("A"));
    leads_to(inputs.clone(), confirmed(), [asks(Step::TakePayment)]);
    leads_to(
        inputs,
        due(Step::ChoosePayment),
        [
            abandoned("choose_payment_timed_out", "The step to choose payment took too long"),
            asks(Step::CancelOrder),
        ],
    );
}

#[test]
fn what_it_is_told_twice_or_late_has_no_effect() {
    for (inputs, again) in [
        (vec![submitted()], submitted()),
        (vec![submitted(), reserved("A")], reserved("A")),
        (at_shipment(), reserved("A")),
        (at_shipment(), taken()),
        (at_shipment(), confirmed()),
        (at_shipment(), due(Step::ReserveStock)),
        (at_shipment(), due(Step::TakePayment)),
    ] {
        given(inputs).when(again.clone()).then_nothing();
    }
}

#[test]
fn what_happens_to_an_order_may_be_told_before_its_submission() {
    // Confirmed by hand, and so with a payment method.
    leads_to([confirmed()], submission(None, &[]), [asks(Step::TakePayment)]);
    leads_to([cancelled()], submitted(), [ended(Outcome::Cancelled)]);
}

#[test]
fn one_sku_that_is_short_cancels_the_order_and_releases_the_others() {
    let inputs = vec![submitted(), reserved("A")];
    leads_to(
        inputs.clone(),
        refused("B"),
        [
            abandoned("out_of_stock", "Out of stock: B (3 wanted)"),
            asks(Step::CancelOrder),
        ],
    );
    let mut inputs = inputs;
    inputs.push(refused("B"));
    let reason = process(inputs.clone()).abandoned.unwrap().reason;
    assert_eq!(reason.as_str(), "Out of stock: B (3 wanted)");
    leads_to(inputs.clone(), cancelled(), [asks(Step::ReleaseStock)]);
    inputs.push(cancelled());
    leads_to(inputs, released("A"), [ended(Outcome::Cancelled)]);
}

#[test]
fn a_reservation_that_was_asked_for_is_taken_back_also_when_its_answer_is_missing() {
    let inputs = vec![submitted(), cancelled()];
    let state = process(inputs.clone());
    assert!(state.is_waiting_for(Step::ReleaseStock));
    leads_to(
        [submitted(), cancelled(), released("A")],
        released("B"),
        [ended(Outcome::Cancelled)],
    );
    // The stock has reserved after all, later than it had released.
    let late = stock(
        "A",
        12,
        StockNews::Reserved {
            expires_at: Some(now()),
        },
    );
    let ended = [submitted(), cancelled(), released("A"), released("B")];
    leads_to(ended, late, [asks_for(Step::ReleaseStock, 2)]);
}

#[test]
fn a_declined_payment_cancels_the_order() {
    leads_to(
        at_payment(),
        failed(2, false),
        [
            abandoned("payment_failed", "The payment failed: the card was declined"),
            asks(Step::CancelOrder),
        ],
    );
}

#[test]
fn a_payment_that_may_work_is_tried_three_times() {
    let mut inputs = at_payment();
    for version in [2, 4] {
        leads_to(inputs.clone(), failed(version, true), [asks(Step::TakePayment)]);
        inputs.push(failed(version, true));
    }
    leads_to(
        inputs,
        failed(6, true),
        [
            abandoned("payment_failed", "The payment failed: the card was declined"),
            asks(Step::CancelOrder),
        ],
    );
}

#[test]
fn a_payment_that_succeeds_after_its_time_is_given_back() {
    let mut inputs = at_payment();
    leads_to(
        inputs.clone(),
        due(Step::TakePayment),
        [
            abandoned("take_payment_timed_out", "The step to take payment took too long"),
            asks(Step::CancelOrder),
        ],
    );
    inputs.extend([due(Step::TakePayment), taken()]);
    leads_to(
        inputs.clone(),
        cancelled(),
        [asks(Step::ReleaseStock), asks(Step::ReturnPayment)],
    );
    inputs.extend([cancelled(), released("A"), released("B")]);
    leads_to(inputs, returned(), [ended(Outcome::Cancelled)]);
}

#[test]
fn a_timer_and_the_answer_that_it_waits_for_have_one_outcome() {
    let mut in_time = at_payment();
    in_time.push(taken());
    given(in_time).when(due(Step::TakePayment)).then_nothing();
    let mut late = at_payment();
    late.push(due(Step::TakePayment));
    leads_to(late, taken(), []);
}

#[test]
fn a_cancellation_by_the_customer_is_honoured_at_every_step_before_the_shipment() {
    let steps = at_shipment();
    for told in 1..=steps.len() {
        let mut inputs = steps[..told].to_vec();
        inputs.extend([cancelled(), released("A"), released("B"), returned()]);
        let state = process(inputs);
        assert_eq!(state.outcome, Some(Outcome::Cancelled), "after {told} inputs");
        assert!(state.waiting.is_empty(), "after {told} inputs: {:?}", state.waiting);
    }
}

#[test]
fn what_goes_back_is_what_the_order_says_only_if_it_was_paid_with_our_payment() {
    let refund = |inputs: Vec<Input>| process(inputs).refund_of_our_payment();
    let mut inputs = at_payment();
    inputs.extend([taken(), cancelled()]);
    assert_eq!(refund(inputs), None);
    let mut inputs = at_shipment();
    inputs.push(cancelled());
    assert_eq!(refund(inputs), Some("5.00".parse().unwrap()));
}

#[test]
fn a_payment_that_the_shop_has_recorded_itself_replaces_ours() {
    let mut inputs = at_payment();
    inputs.push(confirmed());
    leads_to(
        inputs.clone(),
        paid("cash"),
        [asks(Step::ReturnPayment), asks(Step::HoldStock)],
    );
    inputs.extend([paid("cash"), returned(), held("A")]);
    leads_to(inputs, held("B"), [asks(Step::Ship)]);
}

#[test]
fn the_shops_own_payment_is_not_cancelled_by_the_timer_of_ours() {
    let mut inputs = at_payment();
    inputs.extend([confirmed(), paid("cash")]);
    given(inputs).when(due(Step::TakePayment)).then_nothing();
}

#[test]
fn a_payment_that_is_one_too_many_goes_back_also_after_the_shipment() {
    // Shipped, as far as the process is told, before it was paid otherwise.
    let mut inputs = at_payment();
    inputs.extend([shipped(), committed("A")]);
    leads_to(inputs.clone(), paid("cash"), [asks(Step::ReturnPayment)]);
    inputs.extend([paid("cash"), committed("B"), taken()]);
    let state = process(inputs.clone());
    assert_eq!(state.outcome, None);
    leads_to(inputs, returned(), [ended(Outcome::Completed)]);
}

#[test]
fn the_payment_method_that_the_order_was_confirmed_with_is_charged_in_whatever_order_it_is_told() {
    let early = submission(Some("pm_old"), &[]);
    let charged = |inputs: Vec<Input>| process(inputs).payment_method_id.unwrap().to_string();
    assert_eq!(
        charged(vec![submission(Some("pm_old"), &[("A", 2)]), confirmed()]),
        "pm_visa"
    );
    assert_eq!(charged(vec![confirmed(), early]), "pm_visa");
}

#[test]
fn whoever_does_not_answer_is_asked_ever_more_seldom() {
    let mut inputs = at_shipment();
    inputs.push(shipped());
    let mut waits = Vec::new();
    for _ in 0..9 {
        let due_at = process(inputs.clone()).waiting[&Step::CommitStock];
        waits.push((due_at - now()).num_minutes());
        inputs.push(Input::TimerDue {
            step: Step::CommitStock,
            due_at,
        });
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 320, 320]);
}

#[test]
fn what_must_happen_is_asked_for_again_until_it_has() {
    let mut inputs = at_shipment();
    inputs.push(cancelled());
    leads_to(
        inputs.clone(),
        due(Step::ReleaseStock),
        [asks_for(Step::ReleaseStock, 2)],
    );
    leads_to(inputs, due(Step::ReturnPayment), [asks_for(Step::ReturnPayment, 2)]);
    let mut inputs = at_shipment();
    inputs.push(shipped());
    leads_to(inputs, due(Step::CommitStock), [asks_for(Step::CommitStock, 2)]);
    let mut inputs = at_payment();
    inputs.push(failed(2, false));
    leads_to(inputs, due(Step::CancelOrder), [asks_for(Step::CancelOrder, 2)]);
}

#[test]
fn a_reservation_that_has_expired_before_it_was_made_to_last_gives_the_money_back() {
    let mut inputs = at_payment();
    inputs.push(taken());
    leads_to(
        inputs.clone(),
        stock("A", 4, StockNews::Released),
        [
            abandoned(
                "reservation_expired",
                "The reserved stock was given to others, as the order took too long",
            ),
            asks(Step::CancelOrder),
        ],
    );
    inputs.extend([stock("A", 4, StockNews::Released), cancelled()]);
    let state = process(inputs);
    assert!(state.is_waiting_for(Step::ReturnPayment) && state.is_waiting_for(Step::ReleaseStock));
}

#[test]
fn an_order_that_was_shipped_cannot_be_cancelled_any_more() {
    let mut inputs = at_payment();
    inputs.extend([due(Step::TakePayment), shipped()]);
    let state = process(inputs);
    assert!(state.is_waiting_for(Step::CommitStock) && !state.is_waiting_for(Step::CancelOrder));
}

#[test]
fn timeouts_are_a_list_of_steps_and_seconds() {
    assert_eq!(timeouts().of(Step::TakePayment), TimeDelta::seconds(120));
    assert_eq!(timeouts().of(Step::ConfirmOrder), TimeDelta::seconds(300));
    assert_eq!(timeouts().reservation(), TimeDelta::seconds(60 + 900 + 3 * 120 + 300));
    for list in [
        "reserve_stock",
        "reserve_stock:0",
        "reserve_stock:x",
        "unknown:60",
        "ship:31536001",
    ] {
        assert!(list.parse::<Timeouts>().is_err(), "{list}");
    }
}

#[test]
fn where_nothing_is_fulfilled_only_what_has_begun_goes_on() {
    let off = || Context {
        is_on: false,
        ..context()
    };
    given([]).within(off()).when(submitted()).then_nothing();
    given([submitted()])
        .within(off())
        .when(cancelled())
        .0
        .unwrap()
        .first()
        .unwrap();
}
