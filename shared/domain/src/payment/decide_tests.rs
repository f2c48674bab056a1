//! given(events).when(command).then(events), for every command and every rule.

use rust_decimal::Decimal;

use super::*;
use crate::aggregate::Aggregate;
use crate::payment::{Action, Request};

struct Given(Vec<PaymentEvent>);

fn given(history: impl IntoIterator<Item = PaymentEvent>) -> Given {
    Given(history.into_iter().collect())
}

impl Given {
    fn state(&self) -> Option<Payment> {
        Payment::fold(None, &self.0)
    }

    fn when(self, command: PaymentCommand) -> Vec<PaymentEvent> {
        decide(self.state().as_ref(), command)
    }

    fn next(self) -> Option<Action> {
        self.state().and_then(|payment| payment.next_action())
    }
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
    assert_eq!(given([]).when(take(1)), [requested(1)]);
    assert_eq!(given([requested(1)]).next(), Some(Action::Authorise(request())));
    assert_eq!(given([requested(1)]).when(says_authorised(1)), [authorised()]);
    let capture = Action::Capture(request(), "pi_1".parse().unwrap());
    assert_eq!(given([requested(1), authorised()]).next(), Some(capture));
    assert_eq!(given([requested(1), authorised()]).when(says_captured(1)), [captured()]);
    assert_eq!(given([requested(1), authorised(), captured()]).next(), None);
}

#[test]
fn a_request_that_comes_twice_is_one() {
    for history in [
        vec![requested(1)],
        vec![requested(1), authorised()],
        vec![requested(1), authorised(), captured()],
        vec![requested(1), failed(true)],
    ] {
        assert_eq!(given(history.clone()).when(take(1)), [], "{history:?}");
    }
    assert_eq!(
        given([requested(1), authorised(), captured()]).when(says_captured(1)),
        []
    );
}

#[test]
fn only_a_later_attempt_follows_one_that_failed() {
    assert_eq!(given([requested(1)]).when(says_failed(1)), [failed(false)]);
    assert_eq!(given([requested(1), failed(true)]).next(), None);
    assert_eq!(given([requested(1), failed(true)]).when(take(2)), [requested(2)]);
    assert_eq!(given([requested(1)]).when(take(2)), []);
    // The first attempt's answer, late.
    assert_eq!(
        given([requested(1), failed(true), requested(2)]).when(says_failed(1)),
        []
    );
}

#[test]
fn what_was_cancelled_before_it_was_asked_for_is_never_taken() {
    assert_eq!(given([]).when(cancel()), [PaymentEvent::PaymentCancelled {}]);
    assert_eq!(given([PaymentEvent::PaymentCancelled {}]).when(take(1)), []);
    assert_eq!(given([PaymentEvent::PaymentCancelled {}]).next(), None);
}

#[test]
fn a_cancelled_payment_is_voided_whatever_the_provider_has_answered() {
    assert_eq!(given([requested(1)]).when(cancel()), [cancelling()]);
    // The answer to the authorisation may have been lost.
    assert_eq!(
        given([requested(1), cancelling()]).next(),
        Some(Action::Void(request(), None))
    );
    let known = Some("pi_1".parse().unwrap());
    assert_eq!(
        given([requested(1), authorised(), cancelling()]).next(),
        Some(Action::Void(request(), known))
    );
    let voided = answer(1, Answer::Voided);
    let history = || given([requested(1), cancelling()]);
    assert_eq!(history().when(voided), [PaymentEvent::PaymentCancelled {}]);
    assert_eq!(history().when(says_failed(1)), [PaymentEvent::PaymentCancelled {}]);
    assert_eq!(history().when(take(2)), []);
}

#[test]
fn an_authorisation_that_comes_after_the_cancellation_is_recorded_and_voided() {
    let history = || given([requested(1), cancelling()]);
    assert_eq!(history().when(says_authorised(1)), [authorised()]);
    let known = Some("pi_1".parse().unwrap());
    assert_eq!(
        given([requested(1), cancelling(), authorised()]).next(),
        Some(Action::Void(request(), known))
    );
}

#[test]
fn what_was_taken_in_spite_of_the_cancellation_goes_back() {
    let history = || vec![requested(1), cancelling()];
    assert_eq!(given(history()).when(says_captured(1)), [captured()]);
    let mut taken = history();
    taken.push(captured());
    assert!(matches!(given(taken.clone()).next(), Some(Action::Refund(_, _, amount)) if amount == dec("22.00")));
    let (refund_id, amount) = ("re_1".to_owned(), dec("22.00"));
    let answered = answer(1, Answer::Refunded { refund_id, amount });
    assert_eq!(given(taken.clone()).when(answered.clone()), [refunded()]);
    taken.push(refunded());
    assert_eq!(given(taken.clone()).next(), None);
    assert_eq!(given(taken.clone()).when(answered), []);
    assert_eq!(given(taken).when(cancel()), []);
}

#[test]
fn a_part_may_go_back() {
    let refund_amount = Some(dec("5.00"));
    let part = PaymentCommand::Cancel { refund_amount };
    let history = [requested(1), authorised(), captured()];
    let asked = PaymentEvent::PaymentCancellationRequested { refund_amount };
    assert_eq!(given(history.clone()).when(part), std::slice::from_ref(&asked));
    let next = given(history.into_iter().chain([asked])).next();
    assert!(
        matches!(next, Some(Action::Refund(_, _, amount)) if amount == dec("5.00")),
        "{next:?}"
    );
}

#[test]
fn a_failed_payment_has_nothing_to_give_back() {
    assert_eq!(
        given([requested(1), failed(true)]).when(cancel()),
        [PaymentEvent::PaymentCancelled {}]
    );
}
