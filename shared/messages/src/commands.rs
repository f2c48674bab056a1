//! What the process manager asks of the services. Each may come twice, late, and after one that takes it back.

use chrono::{DateTime, Utc};
use domain::fulfilment::Step;
use domain::money::Currency;
use domain::order::OrderId;
use domain::stock::Pieces;
use domain::text::Reason;
use domain::text::{CustomerId, PaymentMethodId, Sku, TransactionId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Tells inventory to reserve. Without an expiry: to make the reservation that there is last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReserveStock {
    pub order_id: OrderId,
    pub sku: Sku,
    pub quantity: Pieces,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Tells inventory to give back, as the order is cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseStock {
    pub order_id: OrderId,
    pub sku: Sku,
}

/// Tells inventory that the pieces leave, as the order is shipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommitStock {
    pub order_id: OrderId,
    pub sku: Sku,
    pub quantity: Pieces,
}

/// Tells payments to take money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakePayment {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub amount: Decimal,
    pub currency: Currency,
    pub payment_method_id: PaymentMethodId,
    /// The attempt's number, from 1.
    pub attempt: u32,
}

/// Tells payments to take nothing, and to give back what was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnPayment {
    pub order_id: OrderId,
    /// How much of what was taken; all of it, when `null`.
    pub refund_amount: Option<Decimal>,
}

/// Tells orders that an order is to be confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfirmOrder {
    pub order_id: OrderId,
    pub payment_method_id: PaymentMethodId,
}

/// Tells orders that nothing is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfirmFreeOrder {
    pub order_id: OrderId,
}

/// Tells orders that an order is paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordPayment {
    pub order_id: OrderId,
    pub transaction_id: TransactionId,
    pub amount: Decimal,
    /// The method that was charged. Messages of before do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_id: Option<PaymentMethodId>,
}

/// Tells orders that an order is to be cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelOrder {
    pub order_id: OrderId,
    pub reason: Reason,
}

/// Tells the process manager itself that the answer to a step is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimerDue {
    pub order_id: OrderId,
    pub step: Step,
    pub due_at: DateTime<Utc>,
}
