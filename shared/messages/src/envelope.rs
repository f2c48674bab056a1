//! What every message says beside its data.

use chrono::{DateTime, Utc};
use domain::{Idempotency, Metadata};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commands::{
    CancelOrder, CommitStock, ConfirmOrder, RecordPayment, ReleaseStock, ReserveStock, ReturnPayment, TakePayment,
    TimerDue,
};
use crate::events::{
    InventoryCommitted, InventoryReleased, InventoryReservationFailed, InventoryReserved, OrderCancelled,
    OrderConfirmed, OrderDelivered, OrderPaid, OrderShipped, OrderSubmitted, PaymentCancelled, PaymentFailed,
    PaymentProcessed, PaymentRefunded, ShipmentRequested, StockLevelChanged,
};

/// A message of the published language, with the attributes of a CloudEvent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Of CloudEvents: always `1.0`.
    pub specversion: String,
    /// The same however often the message is sent.
    pub id: Uuid,
    /// The service that speaks: `/orders`, `/inventory`, `/payments` or `/fulfilment`.
    pub source: String,
    /// The aggregate that it is about, by its id in the event store.
    pub subject: String,
    /// When what it tells of happened.
    #[serde(with = "event_store::recorded::timestamp")]
    pub time: DateTime<Utc>,
    /// The schema of the data, of which the last part is its version.
    pub dataschema: String,
    /// Shared by everything that follows from one request of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// The event from which the message follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    /// Of the aggregate, when it happened. Messages about one aggregate may come in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregateversion: Option<u64>,
    #[serde(flatten)]
    pub body: Body,
}

/// The type of a message, and its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Body {
    OrderSubmitted(OrderSubmitted),
    OrderConfirmed(OrderConfirmed),
    OrderPaid(OrderPaid),
    OrderShipped(OrderShipped),
    OrderDelivered(OrderDelivered),
    OrderCancelled(OrderCancelled),
    InventoryReserved(InventoryReserved),
    InventoryReservationFailed(InventoryReservationFailed),
    InventoryReleased(InventoryReleased),
    InventoryCommitted(InventoryCommitted),
    StockLevelChanged(StockLevelChanged),
    PaymentProcessed(PaymentProcessed),
    PaymentFailed(PaymentFailed),
    PaymentCancelled(PaymentCancelled),
    PaymentRefunded(PaymentRefunded),
    ShipmentRequested(ShipmentRequested),

    ReserveStock(ReserveStock),
    ReleaseStock(ReleaseStock),
    CommitStock(CommitStock),
    TakePayment(TakePayment),
    ReturnPayment(ReturnPayment),
    ConfirmOrder(ConfirmOrder),
    RecordPayment(RecordPayment),
    CancelOrder(CancelOrder),
    TimerDue(TimerDue),
}

/// Who carries out what a message asks for, in the events that follow from it.
pub const FULFILMENT_USER: &str = "fulfilment";

/// The schema version of all data so far. A type that changes gets its own.
const SCHEMA_VERSION: u32 = 1;

impl Body {
    /// The message's type, which is also the `DetailType` on the bus.
    pub fn name(&self) -> &'static str {
        match self {
            Body::OrderSubmitted(_) => "OrderSubmitted",
            Body::OrderConfirmed(_) => "OrderConfirmed",
            Body::OrderPaid(_) => "OrderPaid",
            Body::OrderShipped(_) => "OrderShipped",
            Body::OrderDelivered(_) => "OrderDelivered",
            Body::OrderCancelled(_) => "OrderCancelled",
            Body::InventoryReserved(_) => "InventoryReserved",
            Body::InventoryReservationFailed(_) => "InventoryReservationFailed",
            Body::InventoryReleased(_) => "InventoryReleased",
            Body::InventoryCommitted(_) => "InventoryCommitted",
            Body::StockLevelChanged(_) => "StockLevelChanged",
            Body::PaymentProcessed(_) => "PaymentProcessed",
            Body::PaymentFailed(_) => "PaymentFailed",
            Body::PaymentCancelled(_) => "PaymentCancelled",
            Body::PaymentRefunded(_) => "PaymentRefunded",
            Body::ShipmentRequested(_) => "ShipmentRequested",
            Body::ReserveStock(_) => "ReserveStock",
            Body::ReleaseStock(_) => "ReleaseStock",
            Body::CommitStock(_) => "CommitStock",
            Body::TakePayment(_) => "TakePayment",
            Body::ReturnPayment(_) => "ReturnPayment",
            Body::ConfirmOrder(_) => "ConfirmOrder",
            Body::RecordPayment(_) => "RecordPayment",
            Body::CancelOrder(_) => "CancelOrder",
            Body::TimerDue(_) => "TimerDue",
        }
    }

    /// The service that says it.
    fn source(&self) -> &'static str {
        match self {
            Body::OrderSubmitted(_)
            | Body::OrderConfirmed(_)
            | Body::OrderPaid(_)
            | Body::OrderShipped(_)
            | Body::OrderDelivered(_)
            | Body::OrderCancelled(_) => "/orders",
            Body::InventoryReserved(_)
            | Body::InventoryReservationFailed(_)
            | Body::InventoryReleased(_)
            | Body::InventoryCommitted(_)
            | Body::StockLevelChanged(_) => "/inventory",
            Body::PaymentProcessed(_)
            | Body::PaymentFailed(_)
            | Body::PaymentCancelled(_)
            | Body::PaymentRefunded(_) => "/payments",
            Body::ShipmentRequested(_)
            | Body::ReserveStock(_)
            | Body::ReleaseStock(_)
            | Body::CommitStock(_)
            | Body::TakePayment(_)
            | Body::ReturnPayment(_)
            | Body::ConfirmOrder(_)
            | Body::RecordPayment(_)
            | Body::CancelOrder(_)
            | Body::TimerDue(_) => "/fulfilment",
        }
    }
}

impl Message {
    /// A message with an id of its own, caused by nothing that is stored.
    pub fn new(id: Uuid, subject: impl Into<String>, time: DateTime<Utc>, body: Body) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source: body.source().to_owned(),
            subject: subject.into(),
            time,
            dataschema: format!("urn:ordermaster:{}:{SCHEMA_VERSION}", body.name()),
            correlationid: None,
            causationid: None,
            aggregateversion: None,
            body,
        }
    }

    /// What is recorded with the events that follow from the message. A repetition of it is the same command with the same
    /// key, so it has no second effect.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            correlation_id: self.correlationid.clone(),
            causation_id: Some(self.id.to_string()),
            user_id: Some(FULFILMENT_USER.to_owned()),
            idempotency: Some(Idempotency {
                key: self.id.to_string(),
                request_hash: self.body.name().to_owned(),
            }),
            ..Metadata::of_command(self.id)
        }
    }
}
