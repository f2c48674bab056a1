//! given(events).when(command).then(events), for every command and every rule.

use rust_decimal::Decimal;

use super::*;
use crate::payment::{Action, Request};
use crate::testing::Given;

fn given(history: impl IntoIterator<Item = PaymentEvent>) -> Given<Payment> {
    Given::new(history, ())
}

/// What the provider is to be asked then.
fn next(history: impl IntoIterator<Item = PaymentEvent>) -> Option<Action> {
    given(history).state().and_then(|payment| payment.next_action())
}

fn request() -> Request {
    Request {
        customer_id: "VINET".parse().unwrap(),
        amount: dec("22.00"),
        currency: "EUR".parse().unwrap(),
        payment_method_id: "pm_visa".parse().unwrap(),
    }
}

fn dec(amount: &str) -> Decimal {
    amount.parse().unwrap()
}

fn requested(attempt: u32) -> PaymentEvent {
    PaymentEvent::PaymentRequested {
        request: request(),
        attempt,
    }
}

fn authorised() -> PaymentEvent {
    PaymentEvent::PaymentAuthorised {
        authorisation_id: "pi_1".parse().unwrap(),
    }
}

fn captured() -> PaymentEvent {
    PaymentEvent::PaymentCaptured {
        transaction_id: "pi_1".parse().unwrap(),
        amount: dec("22.00"),
    }
}

fn failed(retryable: bool) -> PaymentEvent {
    PaymentEvent::PaymentFailed {
        code: "card_declined".to_owned(),
        reason: "the card was declined".to_owned(),
        retryable,
    }
}

fn cancelling() -> PaymentEvent {
    PaymentEvent::PaymentCancellationRequested { refund_amount: None }
}

fn refunded() -> PaymentEvent {
    PaymentEvent::PaymentRefunded {
        refund_id: "re_1".to_owned(),
        amount: dec("22.00"),
    }
}

fn take(attempt: u32) -> PaymentCommand {
    let request = request();
    PaymentCommand::Take { request, attempt }
}

fn cancel() -> PaymentCommand {
    PaymentCommand::Cancel { refund_amount: None }
}

fn answer(attempt: u32, answer: Answer) -> PaymentCommand {
    PaymentCommand::Record { attempt, answer }
}

fn says_captured(attempt: u32) -> PaymentCommand {
    let (transaction_id, amount) = ("pi_1".parse().unwrap(), dec("22.00"));
    answer(attempt, Answer::Captured { transaction_id, amount })
}

fn says_authorised(attempt: u32) -> PaymentCommand {
    let authorisation_id = "pi_1".parse().unwrap();
    answer(attempt, Answer::Authorised { authorisation_id })
}

fn says_failed(attempt: u32) -> PaymentCommand {
    let (code, reason) = ("card_declined".to_owned(), "the card was declined".to_owned());
    let retryable = false;
    answer(
        attempt,
        Answer::Failed {
            code,
            reason,
            retryable,
        },
    )
}

#[test]
fn money_is_authorised_and_then_captured() {
    given([]).when(take(1)).then([requested(1)]);
    assert_eq!(next([requested(1)]), Some(Action::Authorise(request())));
    given([requested(1)]).when(says_authorised(1)).then([authorised()]);
    let capture = Action::Capture(request(), "pi_1".parse().unwrap());
    assert_eq!(next([requested(1), authorised()]), Some(capture));
    given([requested(1), authorised()])
        .when(says_captured(1))
        .then([captured()]);
    assert_eq!(next([requested(1), authorised(), captured()]), None);
}

#[test]
fn a_request_that_comes_twice_is_one() {
    for history in [
        vec![requested(1)],
        vec![requested(1), authorised()],
        vec![requested(1), authorised(), captured()],
        vec![requested(1), failed(true)],
    ] {
        given(history.clone()).when(take(1)).then_nothing();
    }
    given([requested(1), authorised(), captured()])
        .when(says_captured(1))
        .then_nothing();
}

#[test]
fn only_a_later_attempt_follows_one_that_failed() {
    given([requested(1)]).when(says_failed(1)).then([failed(false)]);
    assert_eq!(next([requested(1), failed(true)]), None);
    given([requested(1), failed(true)]).when(take(2)).then([requested(2)]);
    given([requested(1)]).when(take(2)).then_nothing();
    // The first attempt's answer, late.
    given([requested(1), failed(true), requested(2)])
        .when(says_failed(1))
        .then_nothing();
}

#[test]
fn what_was_cancelled_before_it_was_asked_for_is_never_taken() {
    given([]).when(cancel()).then([PaymentEvent::PaymentCancelled {}]);
    given([PaymentEvent::PaymentCancelled {}]).when(take(1)).then_nothing();
    assert_eq!(next([PaymentEvent::PaymentCancelled {}]), None);
}

#[test]
fn a_cancelled_payment_is_voided_whatever_the_provider_has_answered() {
    given([requested(1)]).when(cancel()).then([cancelling()]);
    // The answer to the authorisation may have been lost.
    assert_eq!(next([requested(1), cancelling()]), Some(Action::Void(request(), None)));
    let known = Some("pi_1".parse().unwrap());
    assert_eq!(
        next([requested(1), authorised(), cancelling()]),
        Some(Action::Void(request(), known))
    );
    let voided = answer(1, Answer::Voided);
    let history = || given([requested(1), cancelling()]);
    history().when(voided).then([PaymentEvent::PaymentCancelled {}]);
    history().when(says_failed(1)).then([PaymentEvent::PaymentCancelled {}]);
    history().when(take(2)).then_nothing();
}

#[test]
fn an_authorisation_that_comes_after_the_cancellation_is_recorded_and_voided() {
    let history = || given([requested(1), cancelling()]);
    history().when(says_authorised(1)).then([authorised()]);
    let known = Some("pi_1".parse().unwrap());
    assert_eq!(
        next([requested(1), cancelling(), authorised()]),
        Some(Action::Void(request(), known))
    );
}

#[test]
fn what_was_taken_in_spite_of_the_cancellation_goes_back() {
    let history = || vec![requested(1), cancelling()];
    given(history()).when(says_captured(1)).then([captured()]);
    let mut taken = history();
    taken.push(captured());
    assert!(matches!(next(taken.clone()), Some(Action::Refund(_, _, amount)) if amount == dec("22.00")));
    let (refund_id, amount) = ("re_1".to_owned(), dec("22.00"));
    let answered = answer(1, Answer::Refunded { refund_id, amount });
    given(taken.clone()).when(answered.clone()).then([refunded()]);
    taken.push(refunded());
    assert_eq!(next(taken.clone()), None);
    given(taken.clone()).when(answered).then_nothing();
    given(taken).when(cancel()).then_nothing();
}

#[test]
fn a_part_may_go_back() {
    let refund_amount = Some(dec("5.00"));
    let part = PaymentCommand::Cancel { refund_amount };
    let history = [requested(1), authorised(), captured()];
    let asked = PaymentEvent::PaymentCancellationRequested { refund_amount };
    given(history.clone()).when(part).then([asked.clone()]);
    let next = next(history.into_iter().chain([asked]));
    assert!(
        matches!(next, Some(Action::Refund(_, _, amount)) if amount == dec("5.00")),
        "{next:?}"
    );
}

#[test]
fn a_failed_payment_has_nothing_to_give_back() {
    given([requested(1), failed(true)])
        .when(cancel())
        .then([PaymentEvent::PaymentCancelled {}]);
}

#[test]
fn what_never_goes_back_is_not_asked_for_again() {
    let (code, reason) = ("refund_not_covered".to_owned(), "more than was taken".to_owned());
    let refuses = answer(
        1,
        Answer::ReturnRefused {
            code: code.clone(),
            reason: reason.clone(),
        },
    );
    let refused = PaymentEvent::PaymentReturnRefused { code, reason };
    for before in [
        vec![requested(1)],
        vec![requested(1), authorised()],
        vec![requested(1), authorised(), captured()],
    ] {
        given(before.clone()).when(refuses.clone()).then_nothing();
        let mut history = before;
        history.push(cancelling());
        given(history.clone()).when(refuses.clone()).then([refused.clone()]);
        history.push(refused.clone());
        assert_eq!(next(history.clone()), None);
        for late in [refuses.clone(), cancel(), take(2), says_captured(1)] {
            given(history.clone()).when(late).then_nothing();
        }
    }
}

#[test]
fn no_answer_to_an_earlier_attempt_touches_a_later_one() {
    let history = || given([requested(1), failed(false), requested(2)]);
    for late in [
        says_authorised(1),
        says_captured(1),
        says_failed(1),
        answer(1, Answer::Voided),
    ] {
        history().when(late).then_nothing();
    }
    history().when(take(1)).then_nothing();
    history().when(says_authorised(2)).then([authorised()]);
}
