//! The row of an order in OrderSummary, from which those of all other read models follow.

use chrono::{DateTime, Utc};
use domain::Version;
use domain::order::{Order, OrderId, OrderStatus};
use domain::time::rfc3339_micros;
use dynamodb::shard_of;
use event_store::{CorruptStream, Recorded, Stream};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How many values of `ListShard`, and of `StatusShard` per status, the orders are spread over, as one value takes only
/// 1,000 writes a second. A list is merged from so many queries. Another number makes rows hold something else: it takes
/// another [`ROW_VERSION`](crate::Row::ROW_VERSION).
pub const LIST_SHARDS: u32 = 4;

/// An order's row. The columns beside `Order` follow from it; they are there for indexes, stream filters, and for people
/// who look into the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrderSummaryRow {
    pub order_id: OrderId,
    pub version: Version,
    pub customer_id: String,
    pub status: OrderStatus,
    pub currency: String,
    pub total_amount: Decimal,
    /// Distinct products.
    pub item_count: usize,
    /// When the first event was appended.
    #[serde(with = "domain::time::timestamp")]
    pub created_at: DateTime<Utc>,
    /// When the newest event was appended.
    #[serde(with = "domain::time::timestamp")]
    pub updated_at: DateTime<Utc>,
    /// `<created_at>#<order id>`: never changes, and sorts by time.
    pub order_key: String,
    /// A number below [`LIST_SHARDS`].
    pub list_shard: String,
    /// `<status>#<list shard>`.
    pub status_shard: String,
    pub order: Order,
}

impl OrderSummaryRow {
    /// The row after `events`, which follow `before`; with how far it got when an event cannot be read.
    ///
    /// `None` when there is no event to begin with.
    pub fn fold(
        order_id: OrderId,
        before: Option<Self>,
        events: &[Recorded],
    ) -> (Option<Self>, Result<(), CorruptStream>) {
        let mut stream = Stream::unborn(order_id.to_string());
        let mut times = None;
        if let Some(row) = before {
            stream.version = row.version;
            stream.changed = row.version;
            times = Some((row.created_at, row.updated_at));
            stream.state = Some(row.order);
        }
        let mut folded = Ok(());
        for event in events {
            folded = stream.fold(event);
            if folded.is_err() {
                break;
            }
            let (created_at, _) = times.unwrap_or((event.timestamp, event.timestamp));
            if event.is_change() {
                times = Some((created_at, event.timestamp));
            }
        }
        let row = stream.state.zip(times).map(|(order, (created_at, updated_at))| {
            Self::new(order_id, stream.changed, order, created_at, updated_at)
        });
        (row, folded)
    }

    fn new(
        order_id: OrderId,
        version: Version,
        order: Order,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    ) -> Self {
        let shard = shard_of(&order_id.to_string(), LIST_SHARDS);
        Self {
            order_id,
            version,
            customer_id: order.terms.customer_id.to_string(),
            status: order.status,
            currency: order.terms.currency.to_string(),
            total_amount: order.total_amount(),
            item_count: order.items.len(),
            created_at,
            updated_at,
            order_key: format!("{}#{order_id}", rfc3339_micros(created_at)),
            list_shard: shard.to_string(),
            status_shard: status_shard(order.status, shard),
            order,
        }
    }
}

/// The key of the index by status.
pub(crate) fn status_shard(status: OrderStatus, shard: u32) -> String {
    format!("{status}#{shard}")
}
