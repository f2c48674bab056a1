//! A provider in this process, for the local stack and for tests.
//!
//! Its payment methods decide what happens:
//!
//! | payment method | what happens |
//! |---|---|
//! | `pm_declined` | declined, `card_declined` |
//! | `pm_insufficient_funds` | declined, `insufficient_funds` |
//! | `pm_timeout` | authorise never answers, and nothing is ever held |
//! | `pm_slow` | authorise answers after [`Delays::slow`]; the amount is held then, whether or not anybody still waits |
//! | `pm_slow_capture` | capture takes the amount at once, and answers after [`Delays::slow`] |
//! | `pm_lost_answer` | the amount is held, but the first answer is lost; repeated with the same key, it answers |
//! | `pm_fail_once` | an order's first attempt fails with `processing_error`, the next succeeds |
//! | `pm_refund_fails_once` | an order's first refund or void is not answered and has no effect, the next works |
//! | `pm_refund_refused` | taken, and never given back: `refund_refused` |
//! | `pm_already_refunded` | taken; a refund finds that all of it was given back before |
//! | any other, such as `pm_visa` | succeeds |
//!
//! A real provider outlives our process, and the sandbox forgets when it ends: what it does not know it believes. Captures
//! and refunds of transactions from before are carried out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::money::Currency;
use domain::text::TransactionId;
use rust_decimal::Decimal;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::gateway::{Authorisation, Capture, GatewayError, PaymentGateway, PaymentRequest, Refund, Voided};

/// The sandbox: a ledger in memory.
#[derive(Debug, Default)]
pub struct Sandbox {
    delays: Delays,
    ledger: Mutex<Ledger>,
}

/// How long the sandbox takes for what takes long.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// How long `pm_slow` takes to authorise, and `pm_slow_capture` to answer.
    pub slow: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            slow: Duration::from_secs(4),
        }
    }
}

/// What the sandbox holds, took and gave back. What was given back is still in `captured`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    pub held: Decimal,
    pub captured: Decimal,
    pub refunded: Decimal,
}

#[derive(Debug, Default)]
struct Ledger {
    /// Payments, by the key of the attempt.
    payments: HashMap<String, Payment>,
    /// Refunds, by their key.
    refunds: HashMap<String, GivenBack>,
    /// The orders for which `pm_fail_once` has failed.
    failed: HashSet<String>,
    /// The orders for which `pm_refund_fails_once` has failed.
    undo_failed: HashSet<String>,
}

#[derive(Debug)]
struct Payment {
    id: TransactionId,
    request: PaymentRequest,
    state: State,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    /// Held from this moment on, unless it is voided before.
    Processing(Instant),
    Held,
    Captured,
    Voided,
    /// The answer, then and ever after.
    Refused(GatewayError),
}

#[derive(Debug)]
struct GivenBack {
    refund: Refund,
    transaction: TransactionId,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_delays(delays: Delays) -> Self {
        Self {
            delays,
            ..Self::default()
        }
    }

    /// The one sandbox of this process, so that every function of the local stack pays at the same provider.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Sandbox>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(Arc::default))
    }

    /// What is held, captured and refunded for an order; zeros for one that the sandbox does not know.
    pub fn balance(&self, order_id: &str) -> Balance {
        self.ledger().remove(order_id).unwrap_or_default()
    }

    /// The balance of every order, by order id. Refunds of forgotten transactions belong to no order.
    pub fn ledger(&self) -> BTreeMap<String, Balance> {
        self.locked().balances()
    }

    /// Takes what is held.
    fn capture_now(&self, payment: &PaymentRequest, authorisation: &TransactionId) -> Result<Capture, GatewayError> {
        let mut ledger = self.locked();
        let payment = ledger.believed(payment, Some(authorisation), State::Held)?;
        match &payment.state {
            State::Held | State::Captured => {
                payment.state = State::Captured;
                Ok(payment.capture())
            }
            State::Processing(_) => Err(GatewayError::Unknown("the payment is being authorised".to_owned())),
            State::Voided => Err(GatewayError::voided()),
            State::Refused(error) => Err(error.clone()),
        }
    }

    /// The ledger as it is now. A slow hold becomes one when somebody looks after its time: nothing need run meanwhile, so
    /// nothing is lost with a caller that goes away.
    fn locked(&self) -> MutexGuard<'_, Ledger> {
        // Each change is made in one go, so a panic elsewhere leaves nothing half done.
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        for payment in ledger.payments.values_mut() {
            if matches!(payment.state, State::Processing(until) if until <= now) {
                payment.state = State::Held;
            }
        }
        ledger
    }

    /// One step of authorise: an answer, or what has to be waited for.
    fn attempt(&self, payment: &PaymentRequest) -> Result<Step, GatewayError> {
        let mut ledger = self.locked();
        if let Some(known) = ledger.known(payment)? {
            return known.answer();
        }
        let order_id = &payment.order_id;
        let mut answer_is_lost = false;
        let state = match payment.payment_method_id.as_str() {
            "pm_timeout" => return Ok(Step::Never),
            "pm_declined" => State::Refused(GatewayError::declined("card_declined", "the card was declined")),
            "pm_insufficient_funds" => {
                let error = GatewayError::declined("insufficient_funds", "there are not enough funds");
                State::Refused(error)
            }
            "pm_fail_once" if ledger.failed.insert(order_id.clone()) => {
                let error = GatewayError::failed("processing_error", "the payment could not be processed");
                State::Refused(error)
            }
            "pm_slow" => State::Processing(Instant::now() + self.delays.slow),
            "pm_lost_answer" => {
                answer_is_lost = true;
                State::Held
            }
            _ => State::Held,
        };
        let answer = ledger.record(payment, state)?.answer();
        if answer_is_lost {
            return Err(GatewayError::Unknown("the answer was lost".to_owned()));
        }
        answer
    }
}

/// What authorise does next.
enum Step {
    Answer(Authorisation),
    WaitUntil(Instant),
    Never,
}

impl Payment {
    fn answer(&self) -> Result<Step, GatewayError> {
        match &self.state {
            State::Processing(until) => Ok(Step::WaitUntil(*until)),
            State::Held | State::Captured => Ok(Step::Answer(Authorisation {
                id: self.id.clone(),
                amount: self.request.amount,
            })),
            State::Voided => Err(GatewayError::voided()),
            State::Refused(error) => Err(error.clone()),
        }
    }

    fn capture(&self) -> Capture {
        Capture {
            transaction_id: self.id.clone(),
            amount: self.request.amount,
        }
    }
}

impl Ledger {
    /// The payment of this key.
    fn known(&mut self, request: &PaymentRequest) -> Result<Option<&mut Payment>, GatewayError> {
        match self.payments.get_mut(&request.key) {
            Some(payment) if payment.request != *request => Err(key_was_used(&request.key)),
            payment => Ok(payment),
        }
    }

    /// The payment of this key, which has this authorisation; one that is not known is believed to be in this state.
    fn believed(
        &mut self,
        request: &PaymentRequest,
        authorisation: Option<&TransactionId>,
        state: State,
    ) -> Result<&mut Payment, GatewayError> {
        if authorisation.is_some_and(|authorisation| id(PAYMENT, &request.key).as_ref() != Ok(authorisation)) {
            let message = format!("the authorisation is not the one of key {}", request.key);
            return Err(GatewayError::Misconfigured(message));
        }
        self.known(request)?;
        self.record(request, state)
    }

    /// The payment of this key; a new one begins in this state.
    fn record(&mut self, request: &PaymentRequest, state: State) -> Result<&mut Payment, GatewayError> {
        let payment = Payment {
            id: id(PAYMENT, &request.key)?,
            request: request.clone(),
            state,
        };
        Ok(self.payments.entry(request.key.clone()).or_insert(payment))
    }

    /// Lets the first refund or void of an order fail, if its payment method says so.
    fn fail_to_undo_once(&mut self, request: &PaymentRequest) -> Result<(), GatewayError> {
        let fails = request.payment_method_id.as_str() == "pm_refund_fails_once";
        if fails && self.undo_failed.insert(request.order_id.clone()) {
            return Err(GatewayError::Unknown("the connection was lost".to_owned()));
        }
        Ok(())
    }

    fn refunded(&self, transaction: &TransactionId) -> Decimal {
        let refunds = self.refunds.values();
        refunds
            .filter(|refund| refund.transaction == *transaction)
            .map(|refund| refund.refund.amount)
            .sum()
    }

    fn balances(&self) -> BTreeMap<String, Balance> {
        let mut refunded: HashMap<&TransactionId, Decimal> = HashMap::new();
        for refund in self.refunds.values() {
            *refunded.entry(&refund.transaction).or_default() += refund.refund.amount;
        }
        let mut balances: BTreeMap<String, Balance> = BTreeMap::new();
        for Payment { id, request, state } in self.payments.values() {
            let balance = balances.entry(request.order_id.clone()).or_default();
            match state {
                State::Held => balance.held += request.amount,
                State::Captured => balance.captured += request.amount,
                State::Processing(_) | State::Voided | State::Refused(_) => {}
            }
            balance.refunded += refunded.get(id).copied().unwrap_or_default();
        }
        balances
    }
}

#[async_trait]
impl PaymentGateway for Sandbox {
    async fn authorise(&self, payment: &PaymentRequest) -> Result<Authorisation, GatewayError> {
        loop {
            match self.attempt(payment)? {
                Step::Answer(authorisation) => return Ok(authorisation),
                Step::WaitUntil(moment) => tokio::time::sleep_until(moment).await,
                Step::Never => std::future::pending().await,
            }
        }
    }

    async fn capture(&self, payment: &PaymentRequest, authorisation: &TransactionId) -> Result<Capture, GatewayError> {
        let captured = self.capture_now(payment, authorisation);
        if payment.payment_method_id.as_str() == "pm_slow_capture" {
            tokio::time::sleep(self.delays.slow).await;
        }
        captured
    }

    async fn void(
        &self,
        payment: &PaymentRequest,
        authorisation: Option<&TransactionId>,
    ) -> Result<Voided, GatewayError> {
        let mut ledger = self.locked();
        ledger.fail_to_undo_once(payment)?;
        let payment = ledger.believed(payment, authorisation, State::Voided)?;
        match payment.state {
            State::Captured => return Ok(Voided::AlreadyCaptured(payment.capture())),
            State::Processing(_) | State::Held => payment.state = State::Voided,
            State::Voided | State::Refused(_) => {}
        }
        Ok(Voided::Voided)
    }

    async fn refund(
        &self,
        transaction: &TransactionId,
        amount: Decimal,
        currency: Currency,
        key: &str,
    ) -> Result<Refund, GatewayError> {
        let mut ledger = self.locked();
        if let Some(done) = ledger.refunds.get(key) {
            let is_the_same = done.transaction == *transaction && done.refund.amount == amount;
            return is_the_same
                .then(|| done.refund.clone())
                .ok_or_else(|| key_was_used(key));
        }
        let payment = ledger.payments.values().find(|payment| payment.id == *transaction);
        if let Some(payment) = payment {
            let request = payment.request.clone();
            let is_captured = payment.state == State::Captured;
            ledger.fail_to_undo_once(&request)?;
            match request.payment_method_id.as_str() {
                "pm_refund_refused" => {
                    return Err(GatewayError::declined(
                        "refund_refused",
                        "the provider gives nothing back",
                    ));
                }
                "pm_already_refunded" => {
                    let before = GivenBack {
                        refund: Refund {
                            id: id(REFUND, "before")?,
                            amount: request.amount,
                        },
                        transaction: transaction.clone(),
                    };
                    // By a key that is none of ours.
                    ledger.refunds.insert(format!("before {transaction}"), before);
                    return Err(GatewayError::already_refunded());
                }
                _ => {}
            }
            let is_covered = ledger.refunded(transaction) + amount <= request.amount;
            if !is_captured || !is_covered || currency != request.currency {
                return Err(GatewayError::declined(
                    "refund_not_covered",
                    "more would be given back than was taken",
                ));
            }
        }
        let refund = Refund {
            id: id(REFUND, key)?,
            amount,
        };
        let given_back = GivenBack {
            refund: refund.clone(),
            transaction: transaction.clone(),
        };
        ledger.refunds.insert(key.to_owned(), given_back);
        Ok(refund)
    }
}

const PAYMENT: &str = "pi_sandbox";
const REFUND: &str = "re_sandbox";

/// The same key gets the same id, also in the next process.
fn id(prefix: &str, key: &str) -> Result<TransactionId, GatewayError> {
    let uuid = Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).simple();
    let id = format!("{prefix}_{uuid}").parse();
    id.map_err(|error| GatewayError::Misconfigured(format!("a transaction id {error}")))
}

fn key_was_used(key: &str) -> GatewayError {
    GatewayError::Misconfigured(format!("key {key} was used for another request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn request(key: &str, payment_method: &str) -> PaymentRequest {
        PaymentRequest {
            key: key.to_owned(),
            order_id: "order-1".to_owned(),
            amount: Decimal::new(4999, 2),
            currency: Currency::USD,
            payment_method_id: payment_method.parse().unwrap(),
        }
    }

    /// Held, captured and refunded for the order, in cents.
    fn balance(sandbox: &Sandbox) -> [i64; 3] {
        let Balance {
            held,
            captured,
            refunded,
        } = sandbox.balance("order-1");
        [held, captured, refunded].map(|amount| (amount * Decimal::ONE_HUNDRED).try_into().unwrap())
    }

    #[tokio::test]
    async fn an_amount_is_held_then_taken_then_given_back_each_once() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_visa");
        let held = sandbox.authorise(&payment).await.unwrap();
        assert_eq!(sandbox.authorise(&payment).await.unwrap(), held);
        assert_eq!(balance(&sandbox), [4999, 0, 0]);

        let taken = sandbox.capture(&payment, &held.id).await.unwrap();
        assert_eq!(sandbox.capture(&payment, &held.id).await.unwrap(), taken);
        assert_eq!(sandbox.authorise(&payment).await.unwrap(), held);
        assert_eq!(balance(&sandbox), [0, 4999, 0]);

        let part = Decimal::new(999, 2);
        for _ in 0..2 {
            let refund = sandbox.refund(&taken.transaction_id, part, Currency::USD, "r1").await;
            assert_eq!(refund.unwrap().amount, part);
        }
        assert_eq!(balance(&sandbox), [0, 4999, 999]);
    }

    #[tokio::test]
    async fn no_more_is_given_back_than_was_taken() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_visa");
        let held = sandbox.authorise(&payment).await.unwrap();
        let refund = async |cents, key| {
            let amount = Decimal::new(cents, 2);
            sandbox.refund(&held.id, amount, Currency::USD, key).await
        };
        assert_eq!(refund(1, "r0").await.unwrap_err().code(), "refund_not_covered");
        sandbox.capture(&payment, &held.id).await.unwrap();
        refund(4000, "r1").await.unwrap();
        assert_eq!(refund(1000, "r2").await.unwrap_err().code(), "refund_not_covered");
        assert!(matches!(refund(999, "r1").await, Err(GatewayError::Misconfigured(_))));
        refund(999, "r3").await.unwrap();
        assert_eq!(balance(&sandbox), [0, 4999, 4999]);
    }

    #[tokio::test]
    async fn a_key_belongs_to_one_request() {
        let sandbox = Sandbox::new();
        sandbox.authorise(&request("k1", "pm_visa")).await.unwrap();
        let mut other = request("k1", "pm_visa");
        other.amount += Decimal::ONE;
        let refused = sandbox.authorise(&other).await;
        assert!(matches!(refused, Err(GatewayError::Misconfigured(_))), "{refused:?}");
        assert_eq!(balance(&sandbox), [4999, 0, 0]);
    }

    #[tokio::test]
    async fn the_payment_method_decides_whether_it_is_declined() {
        let sandbox = Sandbox::new();
        for (method, code) in [
            ("pm_declined", "card_declined"),
            ("pm_insufficient_funds", "insufficient_funds"),
        ] {
            for _ in 0..2 {
                let declined = sandbox.authorise(&request(method, method)).await.unwrap_err();
                assert!(matches!(declined, GatewayError::Declined { .. }), "{declined}");
                assert_eq!(declined.code(), code);
            }
        }
        assert_eq!(balance(&sandbox), [0, 0, 0]);
    }

    #[tokio::test]
    async fn fail_once_fails_for_one_attempt_of_each_order() {
        let sandbox = Sandbox::new();
        let first = request("k1", "pm_fail_once");
        for _ in 0..2 {
            let failed = sandbox.authorise(&first).await.unwrap_err();
            assert!(matches!(failed, GatewayError::Failed { .. }), "{failed}");
        }
        sandbox.authorise(&request("k2", "pm_fail_once")).await.unwrap();
        assert_eq!(balance(&sandbox), [4999, 0, 0]);
        let mut other_order = request("k3", "pm_fail_once");
        other_order.order_id = "order-2".to_owned();
        assert!(sandbox.authorise(&other_order).await.is_err());
    }

    #[tokio::test]
    async fn a_lost_answer_is_given_when_it_is_asked_for_again() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_lost_answer");
        let lost = sandbox.authorise(&payment).await;
        assert!(matches!(lost, Err(GatewayError::Unknown(_))), "{lost:?}");
        assert_eq!(balance(&sandbox), [4999, 0, 0]);
        sandbox.authorise(&payment).await.unwrap();
        assert_eq!(balance(&sandbox), [4999, 0, 0]);
    }

    #[tokio::test]
    async fn a_hold_whose_answer_was_lost_is_voided_by_its_key() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_lost_answer");
        sandbox.authorise(&payment).await.unwrap_err();
        assert_eq!(sandbox.void(&payment, None).await.unwrap(), Voided::Voided);
        assert_eq!(balance(&sandbox), [0, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_holds_nothing_ever() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_timeout");
        for _ in 0..2 {
            let patience = tokio::time::timeout(3600 * SECOND, sandbox.authorise(&payment)).await;
            assert!(patience.is_err());
        }
        assert_eq!(balance(&sandbox), [0, 0, 0]);
        assert_eq!(sandbox.void(&payment, None).await.unwrap(), Voided::Voided);
        assert_eq!(sandbox.authorise(&payment).await.unwrap_err().code(), "payment_voided");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_hold_happens_though_nobody_waits_for_it() {
        let sandbox = Sandbox::with_delays(Delays { slow: 4 * SECOND });
        let payment = request("k1", "pm_slow");
        let patience = tokio::time::timeout(SECOND, sandbox.authorise(&payment)).await;
        assert!(patience.is_err());
        assert_eq!(balance(&sandbox), [0, 0, 0]);
        tokio::time::sleep(3 * SECOND).await;
        assert_eq!(balance(&sandbox), [4999, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_repeats_a_slow_authorise_waits_for_the_same_hold() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_slow");
        let (one, other) = tokio::join!(sandbox.authorise(&payment), sandbox.authorise(&payment));
        assert_eq!(one.unwrap(), other.unwrap());
        assert_eq!(balance(&sandbox), [4999, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_hold_under_way_ends_voided() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_slow");
        let (authorised, voided) = tokio::join!(sandbox.authorise(&payment), async {
            tokio::time::sleep(SECOND).await;
            sandbox.void(&payment, None).await
        });
        assert_eq!(voided.unwrap(), Voided::Voided);
        assert_eq!(authorised.unwrap_err().code(), "payment_voided");
        assert_eq!(balance(&sandbox), [0, 0, 0]);
    }

    #[tokio::test]
    async fn what_is_voided_is_neither_held_nor_taken_afterwards() {
        let sandbox = Sandbox::new();
        let early = request("k1", "pm_visa");
        sandbox.void(&early, None).await.unwrap();
        assert_eq!(sandbox.authorise(&early).await.unwrap_err().code(), "payment_voided");

        let late = request("k2", "pm_visa");
        let held = sandbox.authorise(&late).await.unwrap();
        for _ in 0..2 {
            assert_eq!(sandbox.void(&late, Some(&held.id)).await.unwrap(), Voided::Voided);
        }
        let taken = sandbox.capture(&late, &held.id).await;
        assert_eq!(taken.unwrap_err().code(), "payment_voided");
        assert_eq!(balance(&sandbox), [0, 0, 0]);
    }

    #[tokio::test]
    async fn what_was_taken_cannot_be_voided() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_visa");
        let held = sandbox.authorise(&payment).await.unwrap();
        let taken = sandbox.capture(&payment, &held.id).await.unwrap();
        for authorisation in [None, Some(&held.id)] {
            let voided = sandbox.void(&payment, authorisation).await.unwrap();
            assert_eq!(voided, Voided::AlreadyCaptured(taken.clone()));
        }
        assert_eq!(balance(&sandbox), [0, 4999, 0]);
    }

    #[tokio::test]
    async fn refund_fails_once_fails_for_the_first_refund_or_void_of_each_order() {
        let sandbox = Sandbox::new();
        let payment = request("k1", "pm_refund_fails_once");
        let held = sandbox.authorise(&payment).await.unwrap();
        let taken = sandbox.capture(&payment, &held.id).await.unwrap();
        let refund = || sandbox.refund(&taken.transaction_id, taken.amount, Currency::USD, "r1");
        assert!(matches!(refund().await, Err(GatewayError::Unknown(_))));
        assert_eq!(balance(&sandbox), [0, 4999, 0]);
        refund().await.unwrap();
        assert_eq!(balance(&sandbox), [0, 4999, 4999]);

        let mut other_order = request("k2", "pm_refund_fails_once");
        other_order.order_id = "order-2".to_owned();
        sandbox.authorise(&other_order).await.unwrap();
        let void = || sandbox.void(&other_order, None);
        assert!(matches!(void().await, Err(GatewayError::Unknown(_))));
        assert_eq!(sandbox.balance("order-2").held, other_order.amount);
        assert_eq!(void().await.unwrap(), Voided::Voided);
    }

    #[tokio::test]
    async fn what_the_process_before_did_is_believed() {
        let payment = request("k1", "pm_visa");
        let held = Sandbox::new().authorise(&payment).await.unwrap();
        let restarted = Sandbox::new();
        restarted.capture(&payment, &held.id).await.unwrap();
        assert_eq!(balance(&restarted), [0, 4999, 0]);

        let restarted = Sandbox::new();
        let refund = restarted.refund(&held.id, payment.amount, Currency::USD, "r1").await;
        assert_eq!(refund.unwrap().amount, payment.amount);
    }

    #[tokio::test]
    async fn an_authorisation_belongs_to_its_key() {
        let sandbox = Sandbox::new();
        let one = sandbox.authorise(&request("k1", "pm_visa")).await.unwrap();
        let other = request("k2", "pm_visa");
        sandbox.authorise(&other).await.unwrap();
        let taken = sandbox.capture(&other, &one.id).await;
        assert!(matches!(taken, Err(GatewayError::Misconfigured(_))), "{taken:?}");
    }

    #[test]
    fn there_is_one_shared_sandbox() {
        assert!(Arc::ptr_eq(&Sandbox::shared(), &Sandbox::shared()));
    }
}
