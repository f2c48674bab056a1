//! The process as it stands after some events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event::{FulfilmentEvent, OrderNews, Outcome, PaymentNews, Step, StockNews};
use crate::money::Currency;
use crate::order::Charge;
use crate::quantity::Pieces;
use crate::text::{CustomerId, PaymentMethodId, Reason, Sku, TransactionId};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// `None` until it has been told that the order was submitted; what it is told before, it keeps in mind.
    pub order: Option<SubmittedOrder>,
    pub payment_method_id: Option<PaymentMethodId>,
    /// The method that was chosen while another was being charged: it is taken if that fails.
    pub chosen_meanwhile: Option<PaymentMethodId>,
    pub lines: BTreeMap<Sku, Line>,
    pub payment: PaymentProgress,
    pub is_confirmed: bool,
    /// The order's version at its newest confirmation. Confirmations that were told to older code have none.
    pub confirmed_version: Option<u64>,
    /// Whether the order says that nothing is due.
    pub is_free_confirmed: bool,
    /// The transaction by which the order says it was paid.
    pub paid_with: Option<TransactionId>,
    pub is_shipped: bool,
    pub cancellation: Option<Cancellation>,
    /// Why the process has given up, if it has.
    pub abandoned: Option<Abandoned>,
    /// The step that was not answered in time.
    pub overdue: Option<Step>,
    /// The steps that were asked for and not answered yet, and when their answers are due.
    pub waiting: BTreeMap<Step, DateTime<Utc>>,
    /// How often each step was asked for.
    pub requests: BTreeMap<Step, u32>,
    /// What an operator has to see to, or has seen to.
    pub attention: Option<Attention>,
    pub outcome: Option<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmittedOrder {
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub total_amount: Decimal,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub quantity: Pieces,
    pub status: LineStatus,
    /// How many the stock had when it refused; `None` also when it does not know the SKU.
    pub available: Option<Pieces>,
    /// The stock's version when it last said something; 0 before.
    pub stock_version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineStatus {
    /// Nothing was asked of the stock yet.
    Waiting,
    /// The stock was asked.
    Requested,
    /// Until it expires.
    Reserved,
    /// Reserved for good.
    Held,
    Refused,
    Released,
    /// Shipped.
    Committed,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PaymentProgress {
    pub status: PaymentStage,
    /// How often it was asked for.
    pub attempts: u32,
    /// How often it was asked for with the newest method.
    pub attempts_of_method: u32,
    /// How many methods were tried.
    pub methods: u32,
    pub transaction_id: Option<TransactionId>,
    /// The payment's version when it last said something; 0 before.
    pub version: u64,
    /// The newest failure.
    pub failure: Option<PaymentFailure>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStage {
    /// Not asked for.
    #[default]
    None,
    Requested,
    Failed,
    Taken,
    Returned,
    /// What was to go back never will.
    ReturnRefused,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentFailure {
    pub code: String,
    pub reason: String,
    pub retryable: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancellation {
    pub reason: Reason,
    /// The part to pay back of what the order says was paid.
    pub refund_amount: Decimal,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Abandoned {
    pub code: String,
    pub reason: Reason,
}

/// What needs an operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    pub code: String,
    pub detail: String,
    /// Why it is settled, once it is.
    pub settled: Option<Reason>,
}

impl Attention {
    pub fn is_open(&self) -> bool {
        self.settled.is_none()
    }
}

impl Fulfilment {
    /// What the process says of the payment when the order is confirmed.
    pub fn charge(&self) -> Charge {
        let method = self.payment_method_id.clone();
        match (self.payment.status, method) {
            _ if self.abandoned.is_some() => Charge::GivenUp,
            (PaymentStage::None, _) | (_, None) => Charge::None,
            (PaymentStage::Failed, Some(method)) if self.is_waiting_for(Step::ChoosePayment) => Charge::Failed(method),
            (_, Some(method)) => Charge::UnderWay(method),
        }
    }

    /// Whether nothing is due, and nothing is asked.
    pub fn is_free(&self) -> bool {
        let is_zero = self.order.as_ref().is_some_and(|order| order.total_amount.is_zero());
        // Code of before has asked also for nothing: then it goes on as it began.
        is_zero && self.payment.status == PaymentStage::None
    }

    /// Whether a confirmation was not told before.
    pub(super) fn is_news(&self, payment_method_id: &PaymentMethodId, order_version: Option<u64>) -> bool {
        match (self.is_confirmed, self.confirmed_version) {
            (false, _) => true,
            (true, Some(known)) => order_version.is_some_and(|version| version > known),
            (true, None) => self.payment_method_id.as_ref() != Some(payment_method_id),
        }
    }

    /// Whether something is to be settled, or was, for this reason.
    pub(super) fn may_be_settled(&self, reason: &Reason) -> bool {
        let settled = self.attention.as_ref().map(|attention| attention.settled.as_ref());
        settled.is_some_and(|settled| settled.is_none_or(|settled| settled == reason))
    }

    /// How often a step that has to happen was asked for in vain.
    pub(super) fn repetitions_of(&self, step: Step) -> u32 {
        match step.is_repeated() {
            true => self.requests.get(&step).copied().unwrap_or_default(),
            false => 0,
        }
    }

    pub fn is_waiting_for(&self, step: Step) -> bool {
        self.waiting.contains_key(&step)
    }

    /// Whether every line is in one of these statuses.
    pub fn all_lines(&self, statuses: &[LineStatus]) -> bool {
        self.lines.values().all(|line| statuses.contains(&line.status))
    }

    /// The lines in one of these statuses.
    pub fn lines_in(&self, statuses: &[LineStatus]) -> impl Iterator<Item = (&Sku, &Line)> {
        let statuses = statuses.to_vec();
        self.lines
            .iter()
            .filter(move |(_, line)| statuses.contains(&line.status))
    }

    /// How much of the payment that this process has taken goes back: what the order says, if that payment is the one that
    /// it was paid with; all of it, `None`, otherwise.
    pub fn refund_of_our_payment(&self) -> Option<Decimal> {
        let is_recorded = self.paid_with.is_some() && self.paid_with == self.payment.transaction_id;
        let cancellation = self.cancellation.as_ref().filter(|_| is_recorded);
        cancellation.map(|cancellation| cancellation.refund_amount)
    }

    /// Any event may be the first: what happens to an order may be told before its submission.
    pub(super) fn after(mut self, event: &FulfilmentEvent) -> Self {
        match event {
            FulfilmentEvent::FulfilmentStarted(start) => {
                self.order = Some(SubmittedOrder {
                    customer_id: start.customer_id.clone(),
                    currency: start.currency,
                    total_amount: start.total_amount,
                });
                if self.payment_method_id.is_none() {
                    self.payment_method_id.clone_from(&start.payment_method_id);
                }
                let line = |quantity| Line {
                    quantity,
                    status: LineStatus::Waiting,
                    available: None,
                    stock_version: 0,
                };
                let lines = start.lines.iter();
                self.lines = lines.map(|of| (of.sku.clone(), line(of.quantity))).collect();
            }
            FulfilmentEvent::FulfilmentStepRequested { step, due_at, .. } => {
                self.waiting.insert(*step, *due_at);
                *self.requests.entry(*step).or_default() += 1;
                match step {
                    Step::ReserveStock => {
                        for line in self.lines.values_mut() {
                            line.status = LineStatus::Requested;
                        }
                    }
                    Step::TakePayment => {
                        if self.payment.status == PaymentStage::None {
                            self.payment.methods += 1;
                            self.payment.attempts_of_method = 0;
                        }
                        self.payment.status = PaymentStage::Requested;
                        self.payment.attempts += 1;
                        self.payment.attempts_of_method += 1;
                    }
                    _ => {}
                }
            }
            FulfilmentEvent::FulfilmentStepTimedOut { step } => {
                self.waiting.remove(step);
                if !step.is_repeated() {
                    self.overdue = Some(*step);
                }
            }
            FulfilmentEvent::FulfilmentStockChanged {
                sku,
                stock_version,
                news,
            } => self.stock_changed(sku, *stock_version, news),
            FulfilmentEvent::FulfilmentPaymentChanged { payment_version, news } => {
                self.payment_changed(*payment_version, news);
            }
            FulfilmentEvent::FulfilmentOrderChanged { news } => self.order_changed(news),
            FulfilmentEvent::FulfilmentAbandoned { code, reason } => {
                self.abandoned = Some(Abandoned {
                    code: code.clone(),
                    reason: reason.clone(),
                });
                self.expect_no_more_progress();
            }
            FulfilmentEvent::FulfilmentEnded { outcome } => self.outcome = Some(*outcome),
            FulfilmentEvent::FulfilmentNeedsAttention { code, detail } => {
                self.attention = Some(Attention {
                    code: code.clone(),
                    detail: detail.clone(),
                    settled: None,
                });
            }
            FulfilmentEvent::FulfilmentSettled { reason } => {
                if let Some(attention) = &mut self.attention {
                    attention.settled = Some(reason.clone());
                }
            }
        }
        self
    }

    fn stock_changed(&mut self, sku: &Sku, version: u64, news: &StockNews) {
        let Some(line) = self.lines.get_mut(sku) else {
            return;
        };
        line.stock_version = version;
        line.status = match news {
            StockNews::Reserved { expires_at: Some(_) } => LineStatus::Reserved,
            StockNews::Reserved { expires_at: None } => LineStatus::Held,
            StockNews::Refused { available, .. } => {
                line.available = Some(*available);
                LineStatus::Refused
            }
            StockNews::UnknownSku => LineStatus::Refused,
            StockNews::Released => LineStatus::Released,
            StockNews::Committed => LineStatus::Committed,
        };
        use LineStatus::{Held, Refused, Released, Requested, Reserved, Waiting};
        for (step, unanswered) in [
            (Step::ReserveStock, &[Waiting, Requested][..]),
            (Step::HoldStock, &[Waiting, Requested, Reserved]),
            (Step::ReleaseStock, &[Requested, Reserved, Held]),
            (
                Step::CommitStock,
                &[Waiting, Requested, Reserved, Held, Refused, Released],
            ),
        ] {
            if self.lines_in(unanswered).next().is_none() {
                self.waiting.remove(&step);
            }
        }
    }

    fn payment_changed(&mut self, version: u64, news: &PaymentNews) {
        self.payment.version = version;
        match news {
            PaymentNews::Taken { transaction_id, .. } => {
                self.payment.status = PaymentStage::Taken;
                self.payment.transaction_id = Some(transaction_id.clone());
                self.waiting.remove(&Step::TakePayment);
            }
            PaymentNews::Failed {
                code,
                reason,
                retryable,
            } => {
                self.payment.status = PaymentStage::Failed;
                self.payment.failure = Some(PaymentFailure {
                    code: code.clone(),
                    reason: reason.clone(),
                    retryable: *retryable,
                });
                if let Some(method) = self.chosen_meanwhile.take() {
                    self.payment.status = PaymentStage::None;
                    self.payment_method_id = Some(method);
                }
                self.waiting.remove(&Step::TakePayment);
            }
            PaymentNews::Returned { .. } => {
                self.payment.status = PaymentStage::Returned;
                self.waiting.remove(&Step::TakePayment);
                self.waiting.remove(&Step::ReturnPayment);
            }
            PaymentNews::ReturnRefused { code, reason } => {
                self.payment.status = PaymentStage::ReturnRefused;
                self.payment.failure = Some(PaymentFailure {
                    code: code.clone(),
                    reason: reason.clone(),
                    retryable: false,
                });
                self.waiting.remove(&Step::TakePayment);
                self.waiting.remove(&Step::ReturnPayment);
            }
        }
    }

    fn order_changed(&mut self, news: &OrderNews) {
        match news {
            OrderNews::Confirmed {
                payment_method_id,
                order_version,
            } => {
                self.is_confirmed = true;
                self.confirmed_version = order_version.or(self.confirmed_version);
                // The customer waits for a choice only after a payment has failed for good.
                if self.payment.status == PaymentStage::Failed && self.is_waiting_for(Step::ChoosePayment) {
                    self.payment.status = PaymentStage::None;
                }
                match self.payment.status {
                    PaymentStage::None => self.payment_method_id = Some(payment_method_id.clone()),
                    PaymentStage::Requested if self.payment_method_id.as_ref() != Some(payment_method_id) => {
                        self.chosen_meanwhile = Some(payment_method_id.clone());
                    }
                    _ => {}
                }
                self.waiting.remove(&Step::ChoosePayment);
                self.waiting.remove(&Step::ConfirmOrder);
            }
            OrderNews::FreeConfirmed => {
                self.is_free_confirmed = true;
                for step in [Step::ChoosePayment, Step::ConfirmOrder, Step::RecordPayment] {
                    self.waiting.remove(&step);
                }
            }
            OrderNews::Paid { transaction_id } => {
                self.paid_with = Some(transaction_id.clone());
                for step in [
                    Step::ChoosePayment,
                    Step::TakePayment,
                    Step::ConfirmOrder,
                    Step::RecordPayment,
                ] {
                    self.waiting.remove(&step);
                }
            }
            OrderNews::Shipped => {
                self.is_shipped = true;
                self.expect_no_more_progress();
                self.waiting.remove(&Step::CancelOrder);
            }
            OrderNews::Cancelled {
                reason,
                refund_amount,
                paid_with,
            } => {
                if self.paid_with.is_none() {
                    self.paid_with.clone_from(paid_with);
                }
                self.cancellation = Some(Cancellation {
                    reason: reason.clone(),
                    refund_amount: *refund_amount,
                });
                self.expect_no_more_progress();
                self.waiting.remove(&Step::CancelOrder);
            }
        }
    }

    /// Waits from now on only for what must happen anyway.
    fn expect_no_more_progress(&mut self) {
        self.waiting.retain(|step, _| step.is_repeated());
    }
}
