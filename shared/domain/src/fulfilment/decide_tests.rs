//! given(inputs).when(input).then(events): what the process makes of what it is told, in every order.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::aggregate::Aggregate;
use crate::fulfilment::event::{Outcome, Start, StartLine, Step, StockNews};
use crate::fulfilment::{PaymentAttempts, Timeouts};
use crate::order::Charge;
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
        Input::Settle { reason } => FulfilmentEvent::FulfilmentSettled { reason },
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
    let expires_at = (step == Step::ReserveStock).then(|| now() + timeouts().reservation(context().payment_attempts));
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
        payment_attempts: "3".parse().unwrap(),
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
    confirmed_with("pm_visa", 3)
}

/// The confirmation at that version of the order.
fn confirmed_with(payment_method_id: &str, version: u64) -> Input {
    Input::Order(OrderNews::Confirmed {
        payment_method_id: payment_method_id.parse().unwrap(),
        order_version: Some(version),
    })
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

/// The context in which so many payment methods may be tried.
fn within(attempts: &str, inputs: Vec<Input>) -> Given<Fulfilment> {
    let context = Context {
        payment_attempts: attempts.parse().unwrap(),
        ..context()
    };
    inputs.into_iter().fold(Given::new([], context), Given::and)
}

fn is_waiting(process: &Given<Fulfilment>, step: Step) -> bool {
    process.state().unwrap().is_waiting_for(step)
}

const DECLINED: &str = "The payment failed: the card was declined";

#[test]
fn after_a_declined_payment_another_method_may_be_chosen_until_its_time_is_over() {
    leads_to(at_payment(), failed(2, false), [asks(Step::ChoosePayment)]);
    let mut inputs = at_payment();
    inputs.push(failed(2, false));
    let state = process(inputs.clone());
    assert!(state.all_lines(&[LineStatus::Reserved]), "what is reserved stays so");
    assert_eq!(state.charge(), Charge::Failed("pm_visa".parse().unwrap()));
    leads_to(
        inputs.clone(),
        due(Step::ChoosePayment),
        [abandoned("payment_failed", DECLINED), asks(Step::CancelOrder)],
    );
    leads_to(inputs.clone(), confirmed_with("pm_other", 4), [asks(Step::TakePayment)]);
    inputs.push(confirmed_with("pm_other", 4));
    let state = process(inputs.clone());
    assert_eq!(state.charge(), Charge::UnderWay("pm_other".parse().unwrap()));
    assert_eq!((state.payment.attempts, state.payment.methods), (2, 2));
    // What was told of the first attempt, and of the choice, comes once more.
    for late in [
        failed(2, false),
        confirmed_with("pm_visa", 3),
        confirmed_with("pm_other", 4),
    ] {
        given(inputs.clone()).when(late).then_nothing();
    }
    // The first timer fires late.
    given(inputs.clone()).when(due(Step::ChoosePayment)).then_nothing();
    let Input::Payment { news, .. } = taken() else {
        unreachable!()
    };
    inputs.push(Input::Payment { version: 6, news });
    assert!(process(inputs).is_waiting_for(Step::HoldStock));
}

#[test]
fn an_order_is_cancelled_when_the_last_method_has_failed() {
    let mut inputs = at_payment();
    inputs.push(failed(2, false));
    assert_eq!(
        within("1", inputs.clone()).state().unwrap().abandoned.unwrap().code,
        "payment_failed"
    );
    inputs.extend([confirmed_with("pm_b", 4), failed(4, false)]);
    assert!(is_waiting(&within("3", inputs.clone()), Step::ChoosePayment));
    assert!(is_waiting(&within("2", inputs.clone()), Step::CancelOrder));
    inputs.push(confirmed_with("pm_c", 5));
    leads_to(
        inputs,
        failed(6, false),
        [abandoned("payment_failed", DECLINED), asks(Step::CancelOrder)],
    );
}

#[test]
fn a_method_that_was_chosen_while_another_was_charged_is_taken_when_that_has_failed() {
    let mut inputs = at_payment();
    inputs.push(confirmed_with("pm_other", 3));
    assert_eq!(process(inputs.clone()).payment_method_id.unwrap().as_str(), "pm_visa");
    leads_to(inputs.clone(), failed(2, false), [asks(Step::TakePayment)]);
    assert!(is_waiting(
        &within("1", [inputs.clone(), vec![failed(2, false)]].concat()),
        Step::CancelOrder
    ));
    inputs.push(failed(2, false));
    assert_eq!(process(inputs).payment_method_id.unwrap().as_str(), "pm_other");
}

#[test]
fn a_payment_that_may_work_is_tried_three_times_with_each_method() {
    let mut inputs = at_payment();
    for version in [2, 4] {
        leads_to(inputs.clone(), failed(version, true), [asks(Step::TakePayment)]);
        inputs.push(failed(version, true));
    }
    leads_to(inputs.clone(), failed(6, true), [asks(Step::ChoosePayment)]);
    inputs.extend([failed(6, true), confirmed_with("pm_other", 4)]);
    leads_to(inputs, failed(8, true), [asks(Step::TakePayment)]);
}

#[test]
fn where_nothing_is_due_nothing_is_asked() {
    let free = |method| {
        let Input::OrderSubmitted(start) = submission(method, &[("A", 2)]) else {
            unreachable!()
        };
        Input::OrderSubmitted(Start {
            total_amount: "0.00".parse().unwrap(),
            ..start
        })
    };
    for method in [None, Some("pm_visa")] {
        let inputs = [free(method)];
        leads_to(
            inputs.clone(),
            reserved("A"),
            [asks(Step::HoldStock), asks(Step::ConfirmOrder)],
        );
        let inputs = [free(method), reserved("A"), held("A")];
        leads_to(
            inputs.clone(),
            Input::Order(OrderNews::FreeConfirmed),
            [asks(Step::Ship)],
        );
        // Confirmed by hand, before its stock was reserved.
        leads_to(
            [free(method), Input::Order(OrderNews::FreeConfirmed), reserved("A")],
            held("A"),
            [asks(Step::Ship)],
        );
        let mut cancelled = [inputs.to_vec(), vec![cancelled()]].concat();
        assert!(!process(cancelled.clone()).is_waiting_for(Step::ReturnPayment));
        cancelled.push(released("A"));
        assert_eq!(process(cancelled).outcome, Some(Outcome::Cancelled));
    }
}

fn return_refused() -> Input {
    let (code, reason) = ("refund_not_covered".to_owned(), "more than was taken".to_owned());
    let news = PaymentNews::ReturnRefused { code, reason };
    Input::Payment { version: 5, news }
}

fn settle(reason: &str) -> Input {
    Input::Settle {
        reason: reason.parse().unwrap(),
    }
}

#[test]
fn what_never_goes_back_waits_for_an_operator_and_is_not_asked_for_again() {
    let needs_attention = FulfilmentEvent::FulfilmentNeedsAttention {
        code: "refund_not_covered".to_owned(),
        detail: "The payment does not go back: more than was taken".to_owned(),
    };
    let mut inputs = at_shipment();
    inputs.extend([cancelled(), released("A"), released("B")]);
    given(inputs.clone())
        .when(settle("by transfer"))
        .then_refused(FulfilmentError::NothingToSettle);
    leads_to(inputs.clone(), return_refused(), [needs_attention]);
    inputs.push(return_refused());
    let state = process(inputs.clone());
    assert!(state.waiting.is_empty() && state.outcome.is_none(), "{state:?}");
    given(inputs.clone()).when(due(Step::ReturnPayment)).then_nothing();
    given(inputs.clone()).when(returned()).then_nothing();
    leads_to(inputs.clone(), settle("by transfer"), [ended(Outcome::Cancelled)]);
    inputs.push(settle("by transfer"));
    given(inputs.clone()).when(settle("by transfer")).then_nothing();
    given(inputs)
        .when(settle("in cash"))
        .then_refused(FulfilmentError::NothingToSettle);
    given([])
        .when(settle("in cash"))
        .then_refused(FulfilmentError::NotFound);
}

#[test]
fn a_payment_one_too_many_that_never_goes_back_does_not_hold_up_the_shipment() {
    let mut inputs = at_payment();
    inputs.extend([
        taken(),
        held("A"),
        held("B"),
        confirmed(),
        paid("cash"),
        return_refused(),
    ]);
    assert!(process(inputs.clone()).is_waiting_for(Step::Ship));
    inputs.extend([shipped(), committed("A"), committed("B")]);
    assert_eq!(process(inputs.clone()).outcome, None);
    leads_to(inputs, settle("by transfer"), [ended(Outcome::Completed)]);
}

/// Anything that may be told, in any order.
fn any_input() -> impl Strategy<Value = Input> {
    let versions = 1..9_u64;
    let payment = (versions.clone(), 0..5).prop_map(|(version, news)| {
        let news = match (news, taken(), returned(), return_refused()) {
            (0, Input::Payment { news, .. }, ..) => news,
            (1, _, Input::Payment { news, .. }, _) => news,
            (2, _, _, Input::Payment { news, .. }) => news,
            (retryable, ..) => {
                let Input::Payment { news, .. } = failed(1, retryable == 3) else {
                    unreachable!()
                };
                news
            }
        };
        Input::Payment { version, news }
    });
    let method = prop_oneof![Just("pm_visa"), Just("pm_b"), Just("pm_c"), Just("pm_d")];
    prop_oneof![
        3 => Just(submitted()),
        4 => prop_oneof![Just(reserved("A")), Just(reserved("B")), Just(held("A")), Just(held("B"))],
        1 => prop_oneof![Just(refused("B")), Just(released("A")), Just(released("B"))],
        6 => payment,
        4 => (method, versions).prop_map(|(method, version)| confirmed_with(method, version)),
        1 => prop_oneof![Just(paid("pi_1")), Just(paid("cash")), Just(Input::Order(OrderNews::FreeConfirmed))],
        1 => prop_oneof![Just(cancelled()), Just(shipped()), Just(committed("A")), Just(committed("B"))],
        1 => prop_oneof![Just(due(Step::TakePayment)), Just(due(Step::ChoosePayment)), Just(settle("by transfer"))],
    ]
}

proptest! {
    /// Whatever is told in whatever order: money is asked for only when none is under way, with each method of a few, and
    /// nothing is asked for that is refused for good.
    #[test]
    fn money_is_asked_for_once_at_a_time_and_never_after_the_last_word(
        inputs in prop::collection::vec(any_input(), 0..40)
    ) {
        let mut state: Option<Fulfilment> = None;
        for input in inputs {
            let Ok(events) = decide(state.as_ref(), input.clone(), &context()) else {
                continue;
            };
            for event in &events {
                let before = state.clone().unwrap_or_default();
                if let FulfilmentEvent::FulfilmentStepRequested { step, .. } = event {
                    let stage = before.payment.status;
                    match step {
                        Step::TakePayment => prop_assert!(matches!(stage, PaymentStage::None | PaymentStage::Failed)),
                        Step::ReturnPayment => prop_assert!(matches!(stage, PaymentStage::Requested | PaymentStage::Taken)),
                        Step::ChoosePayment => prop_assert!(before.payment.methods < 3),
                        _ => {}
                    }
                }
                state = Fulfilment::evolve(state, event);
                let after = state.as_ref().unwrap();
                prop_assert!(after.payment.methods <= 3 && after.payment.attempts <= 9);
                let is_open = after.attention.as_ref().is_some_and(|attention| attention.is_open());
                let is_end = matches!(event, FulfilmentEvent::FulfilmentEnded { .. });
                prop_assert!(!(is_open && is_end), "ends, and needs attention");
            }
            let again = decide(state.as_ref(), input.clone(), &context());
            let is_known = again.as_ref().is_ok_and(Vec::is_empty) || matches!(again, Err(FulfilmentError::NotFound));
            prop_assert!(is_known, "{:?} has an effect again: {:?}", input, again);
        }
    }
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
    inputs.push(due(Step::TakePayment));
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
    let reservation = |methods: &str| timeouts().reservation(methods.parse().unwrap()).num_seconds();
    assert_eq!(reservation("1"), 60 + 900 + 3 * 120 + 300);
    assert_eq!(reservation("3"), 60 + 3 * (900 + 3 * 120) + 300);
    for attempts in ["0", "11", "-1", "x", ""] {
        assert!(attempts.parse::<PaymentAttempts>().is_err(), "{attempts}");
    }
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

/// What code of before has written of a process that waits for its payment.
fn history_of_before(total_amount: &str) -> Vec<FulfilmentEvent> {
    let Input::OrderSubmitted(start) = submission(None, &[]) else {
        unreachable!()
    };
    let confirmed = OrderNews::Confirmed {
        payment_method_id: "pm_visa".parse().unwrap(),
        order_version: None,
    };
    vec![
        FulfilmentEvent::FulfilmentStarted(Start {
            total_amount: total_amount.parse().unwrap(),
            ..start
        }),
        asks(Step::ChoosePayment),
        FulfilmentEvent::FulfilmentOrderChanged { news: confirmed },
        asks(Step::TakePayment),
    ]
}

#[test]
fn a_process_of_before_goes_on() {
    let declined = Given::<Fulfilment>::new(history_of_before("22.00"), context()).and(failed(2, false));
    assert!(is_waiting(&declined, Step::ChoosePayment));
    // The confirmation that it knows, whose version it was not told.
    declined.when(confirmed_with("pm_visa", 3)).then_nothing();
    assert!(is_waiting(&declined.and(confirmed_with("pm_b", 4)), Step::TakePayment));

    // Nothing was asked for where nothing is due.
    let free = || Given::<Fulfilment>::new(history_of_before("0.00"), context()).and(taken());
    assert!(is_waiting(&free(), Step::RecordPayment));
    assert!(is_waiting(&free().and(paid("pi_1")), Step::Ship));
    assert!(is_waiting(
        &free().and(Input::Order(OrderNews::FreeConfirmed)),
        Step::Ship
    ));
}
