//! What has happened in the fulfilment of an order.
//!
//! **A storage format**, as that of the order: change nothing without a new schema version and its upcaster.
//! `tests/stored_events.rs` pins each version.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::money::Currency;
use crate::quantity::Pieces;
use crate::text::{CustomerId, PaymentMethodId, Reason, Sku, TransactionId};

/// The type of every event below.
pub const EVENT_TYPES: [&str; 10] = [
    "FulfilmentStarted",
    "FulfilmentStepRequested",
    "FulfilmentStepTimedOut",
    "FulfilmentStockChanged",
    "FulfilmentPaymentChanged",
    "FulfilmentOrderChanged",
    "FulfilmentAbandoned",
    "FulfilmentEnded",
    NEEDS_ATTENTION,
    SETTLED,
];

/// The type of the event that says that an operator has seen to it.
pub const SETTLED: &str = "FulfilmentSettled";

/// The type of the event that begins what an operator has to look at.
pub const NEEDS_ATTENTION: &str = "FulfilmentNeedsAttention";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
pub enum FulfilmentEvent {
    FulfilmentStarted(Start),
    /// Somebody else is to do something, and to say so before it is due.
    FulfilmentStepRequested {
        step: Step,
        due_at: DateTime<Utc>,
        /// The moment from which others may have what [`Step::ReserveStock`] reserves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    FulfilmentStepTimedOut {
        step: Step,
    },
    FulfilmentStockChanged {
        sku: Sku,
        /// The stock's version at that time.
        stock_version: u64,
        news: StockNews,
    },
    FulfilmentPaymentChanged {
        /// The payment's version at that time.
        payment_version: u64,
        news: PaymentNews,
    },
    FulfilmentOrderChanged {
        news: OrderNews,
    },
    /// The order cannot be fulfilled: it is to be cancelled.
    FulfilmentAbandoned {
        /// Stable, in snake case: `unknown_sku`, `out_of_stock`, `reservation_expired`, `payment_failed`, or a step and `_timed_out`.
        code: String,
        /// The reason, for the order's history.
        reason: Reason,
    },
    FulfilmentEnded {
        outcome: Outcome,
    },
    /// Something will never happen by itself, and asking for it again is of no use: an operator has to see to it.
    FulfilmentNeedsAttention {
        /// Stable, in snake case: why the provider does not give the money back.
        code: String,
        /// The reason, for operators.
        detail: String,
    },
    /// An operator has seen to it. Who that was is the event's user.
    FulfilmentSettled {
        reason: Reason,
    },
}

/// What was submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub total_amount: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_id: Option<PaymentMethodId>,
    /// One per SKU; items without one are not kept in stock.
    pub lines: Vec<StartLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartLine {
    pub sku: Sku,
    pub quantity: Pieces,
}

/// What the process asks of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    /// The stock of every SKU is to be reserved.
    ReserveStock,
    /// The customer is to say how to pay.
    ChoosePayment,
    TakePayment,
    ConfirmOrder,
    RecordPayment,
    /// The stock of every SKU is to be held by a reservation that does not expire.
    HoldStock,
    Ship,
    /// The stock of every SKU is to be counted out, after the shipment.
    CommitStock,
    CancelOrder,
    ReleaseStock,
    ReturnPayment,
}

/// What happened to the stock of a SKU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockNews {
    Reserved {
        /// `None` for a reservation that lasts.
        expires_at: Option<DateTime<Utc>>,
    },
    Refused {
        wanted: Pieces,
        available: Pieces,
    },
    /// There has never been a stock of the SKU.
    UnknownSku,
    Released,
    Committed,
}

/// What happened to the payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentNews {
    Taken {
        transaction_id: TransactionId,
        amount: Decimal,
    },
    Failed {
        code: String,
        reason: String,
        retryable: bool,
    },
    /// What was to go back; nothing, when nothing was taken.
    Returned { amount: Decimal },
    /// What was to go back never will.
    ReturnRefused { code: String, reason: String },
}

/// What happened to the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderNews {
    Confirmed {
        payment_method_id: PaymentMethodId,
        /// The order's version at that time. Events of before do not have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_version: Option<u64>,
    },
    /// Nothing is due.
    FreeConfirmed,
    Paid {
        transaction_id: TransactionId,
    },
    Shipped,
    Cancelled {
        reason: Reason,
        /// The part to pay back of what the order says was paid.
        refund_amount: Decimal,
        /// The transaction by which the order says it was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid_with: Option<TransactionId>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Shipped, and taken from the stock.
    Completed,
    /// Cancelled, with everything undone.
    Cancelled,
}

impl Step {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The code of a process that has waited for the answer in vain.
    pub(super) fn timed_out_code(self) -> String {
        format!("{}_timed_out", self.as_str())
    }

    /// Whether it must happen, and is asked for again until it has: there is nothing to undo instead.
    pub fn is_repeated(self) -> bool {
        matches!(
            self,
            Step::CommitStock | Step::CancelOrder | Step::ReleaseStock | Step::ReturnPayment
        )
    }
}
