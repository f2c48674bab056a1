//! What every message says beside its data.

use chrono::{DateTime, Utc};
use domain::{Idempotency, Metadata};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commands::{
    CancelOrder, CommitStock, ConfirmFreeOrder, ConfirmOrder, RecordPayment, ReleaseStock, ReserveStock, ReturnPayment,
    TakePayment, TimerDue,
};
use crate::events::{
    FreeOrderConfirmed, InventoryCommitted, InventoryReleased, InventoryReservationFailed, InventoryReserved,
    OrderCancelled, OrderConfirmed, OrderDelivered, OrderPaid, OrderShipped, OrderShippingAddressCorrected,
    OrderSubmitted, PaymentCancelled, PaymentFailed, PaymentMethodNeeded, PaymentProcessed, PaymentRefunded,
    PaymentReturnRefused, ShipmentRequested, StockLevelChanged,
};

/// A message of the published language, with the attributes of a CloudEvent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The version of CloudEvents: always `1.0`.
    pub specversion: String,
    /// The same however often the message is sent.
    pub id: Uuid,
    /// The service that speaks: `/orders`, `/inventory`, `/payments` or `/fulfilment`.
    pub source: String,
    /// The aggregate that it is about, by its id in the event store.
    pub subject: String,
    /// When what it tells of happened.
    #[serde(with = "domain::time::timestamp")]
    pub time: DateTime<Utc>,
    /// The schema of the data. Its last part is its version.
    pub dataschema: String,
    /// Shared by everything that follows from one request of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// The event from which the message follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    /// The aggregate's version when it happened. Messages about one aggregate may come in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregateversion: Option<u64>,
    #[serde(flatten)]
    pub body: Body,
}

/// A message that this code cannot read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UnreadableMessage {
    /// It is of a type, or of a schema version of one, that only newer code knows.
    #[error("it is of a newer type or schema version than this code knows")]
    Newer,
    /// Without a word of what it says, which may be names and addresses.
    #[error("it cannot be read, at line {line} column {column}")]
    Malformed { line: usize, column: usize },
}

impl From<serde_json::Error> for UnreadableMessage {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        Self::Malformed { line, column }
    }
}

/// What says whether this code can read a message.
#[derive(Deserialize)]
struct Kind {
    r#type: String,
    dataschema: String,
}

impl Kind {
    fn is_newer(&self) -> bool {
        let Some((_, known)) = Body::TYPES.iter().find(|(name, _)| *name == self.r#type) else {
            return true;
        };
        let version = self
            .dataschema
            .rsplit(':')
            .next()
            .and_then(|version| version.parse::<u32>().ok());
        version.is_some_and(|version| version > *known)
    }
}

/// Who carries out what a message asks for, in the events that follow from it.
pub const FULFILMENT_USER: &str = "fulfilment";

/// Declares every message once: by the service that says it, its type, and the schema version of its data.
macro_rules! messages {
    ($($source:literal { $($name:ident: $version:literal),* $(,)? })*) => {
        /// The type of a message, and its data.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum Body {
            $($($name($name),)*)*
        }

        impl Body {
            /// The type of every message, with the schema version of its data.
            pub const TYPES: &'static [(&'static str, u32)] = &[$($((stringify!($name), $version),)*)*];

            /// The message's type, which is also the `DetailType` on the bus.
            pub fn name(&self) -> &'static str {
                match self {
                    $($(Body::$name(_) => stringify!($name),)*)*
                }
            }

            /// The service that says it.
            fn source(&self) -> &'static str {
                match self {
                    $($(Body::$name(_) => $source,)*)*
                }
            }

            fn schema_version(&self) -> u32 {
                match self {
                    $($(Body::$name(_) => $version,)*)*
                }
            }
        }
    };
}

messages! {
    "/orders" {
        OrderSubmitted: 1,
        OrderShippingAddressCorrected: 1,
        OrderConfirmed: 1,
        FreeOrderConfirmed: 1,
        OrderPaid: 1,
        OrderShipped: 1,
        OrderDelivered: 1,
        OrderCancelled: 1,
    }
    "/inventory" {
        InventoryReserved: 1,
        InventoryReservationFailed: 1,
        InventoryReleased: 1,
        InventoryCommitted: 1,
        StockLevelChanged: 1,
    }
    "/payments" {
        PaymentProcessed: 1,
        PaymentFailed: 1,
        PaymentCancelled: 1,
        PaymentRefunded: 1,
        PaymentReturnRefused: 1,
    }
    "/fulfilment" {
        ShipmentRequested: 1,
        PaymentMethodNeeded: 1,
        ReserveStock: 1,
        ReleaseStock: 1,
        CommitStock: 1,
        TakePayment: 1,
        ReturnPayment: 1,
        ConfirmOrder: 1,
        ConfirmFreeOrder: 1,
        RecordPayment: 1,
        CancelOrder: 1,
        TimerDue: 1,
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
            dataschema: format!("urn:ordermaster:{}:{}", body.name(), body.schema_version()),
            correlationid: None,
            causationid: None,
            aggregateversion: None,
            body,
        }
    }

    /// The message that is written in `json`. One of a newer schema is not read: it would be taken for one of today.
    ///
    /// # Errors
    /// See [`UnreadableMessage`].
    pub fn read(json: &str) -> Result<Self, UnreadableMessage> {
        let kind: Kind = serde_json::from_str(json)?;
        if kind.is_newer() {
            return Err(UnreadableMessage::Newer);
        }
        Ok(serde_json::from_str(json)?)
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_message_of_a_newer_type_or_schema_is_not_taken_for_one_of_today() {
        let order_id = Uuid::from_u128(7);
        let read = |name: &str, version: u32, data: Value| {
            let dataschema = format!("urn:ordermaster:{name}:{version}");
            let message = json!({
                "specversion": "1.0", "id": order_id, "source": "/fulfilment", "subject": "stock-A",
                "time": "2026-01-01T00:00:00.000000Z", "type": name, "dataschema": dataschema, "data": data,
            });
            Message::read(&message.to_string()).map(|message| message.body.name())
        };
        let today = json!({ "order_id": order_id, "sku": "A" });
        assert_eq!(read("ReleaseStock", 1, today.clone()), Ok("ReleaseStock"));
        for (name, version) in [("ReleaseStock", 2), ("LendStock", 1)] {
            for data in [today.clone(), json!({ "lender": "B" })] {
                assert_eq!(
                    read(name, version, data),
                    Err(UnreadableMessage::Newer),
                    "{name} {version}"
                );
            }
        }
        for broken in [json!({ "sku": "A" }), json!("A")] {
            let read = read("ReleaseStock", 1, broken);
            assert!(matches!(read, Err(UnreadableMessage::Malformed { .. })), "{read:?}");
        }
        assert!(Message::read("no JSON").is_err());
    }
}
