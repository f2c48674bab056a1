//! CustomerOrders: the orders of a customer, newest first.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use domain::order::{OrderId, OrderStatus};
use event_store::Version;
use lambda_edge::stream::EventRecord;
use lambda_edge::{ConfigError, Environment};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::order_summary::{OrderSummaries, OrderSummaryRow};
use crate::projector::{ProjectError, Projection};
use crate::rows::{Found, NEWER_CODE, Put, Row, Rows};

/// An order in its customer's list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomerOrderRow {
    pub customer_id: String,
    /// As in the order's row.
    pub order_key: String,
    /// `<status>#<order key>`: the key of the index by status.
    pub status_key: String,
    pub order_id: OrderId,
    pub version: Version,
    pub status: OrderStatus,
    pub currency: String,
    pub total_amount: Decimal,
    pub item_count: usize,
    #[serde(with = "event_store::recorded::timestamp")]
    pub created_at: DateTime<Utc>,
    #[serde(with = "event_store::recorded::timestamp")]
    pub updated_at: DateTime<Utc>,
}

impl Row for CustomerOrderRow {
    const PROJECTION: &'static str = CustomerOrdersProjection::NAME;
    const GENERATION: u32 = 1;
    const KEY: &'static [&'static str] = &["CustomerId", "OrderKey"];

    fn of(order: &OrderSummaryRow) -> Self {
        Self {
            customer_id: order.customer_id.clone(),
            status_key: status_key(order.status, &order.order_key),
            order_key: order.order_key.clone(),
            order_id: order.order_id,
            version: order.version,
            status: order.status,
            currency: order.currency.clone(),
            total_amount: order.total_amount,
            item_count: order.item_count,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// The key of the index by status; with an `order_key` that bounds others, its bound there.
pub(crate) fn status_key(status: OrderStatus, order_key: &str) -> String {
    format!("{status}#{order_key}")
}

/// The CustomerOrders table.
pub type CustomerOrders = Rows<CustomerOrderRow>;

impl CustomerOrders {
    /// # Errors
    /// When `CUSTOMER_ORDERS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self::new(client, env.required("CUSTOMER_ORDERS_TABLE")?))
    }
}

/// Keeps CustomerOrders up to date with OrderSummary.
///
/// A record carries the order's whole row, so the newest one is all that is needed.
pub struct CustomerOrdersProjection {
    rows: CustomerOrders,
    /// What the records tell of.
    source: OrderSummaries,
}

impl CustomerOrdersProjection {
    pub fn new(rows: CustomerOrders, source: OrderSummaries) -> Self {
        Self { rows, source }
    }
}

#[async_trait]
impl Projection for CustomerOrdersProjection {
    const NAME: &'static str = "customer-orders";
    const AGGREGATE_KEY: &'static str = "OrderId";

    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        let mut newest: Option<OrderSummaryRow> = None;
        for record in records {
            let image = record.change.new_image.clone();
            // An image that this code cannot read was written by other code, as was perhaps the row here.
            let Found::Row(row) = self.source.found(image.into()) else {
                return self.refresh(order_id).await;
            };
            if newest.as_ref().is_none_or(|newest| newest.version < row.version) {
                newest = Some(row);
            }
        }
        let Some(order) = newest else {
            return Ok(());
        };
        match self.rows.put(&CustomerOrderRow::of(&order)).await? {
            Put::Stale(_) => self.refresh(order_id).await,
            put => put.settled(),
        }
    }

    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        let order_id: OrderId = order_id
            .parse()
            .map_err(|error| ProjectError::Lasting(format!("OrderId {error}")))?;
        match self.source.read(order_id, true).await? {
            Found::Row(order) => self.rows.put(&CustomerOrderRow::of(&order)).await?.settled(),
            // When an outdated row is written anew, a record tells of it.
            Found::Nothing | Found::Outdated => Ok(()),
            Found::Unreadable(reason) => Err(ProjectError::Lasting(format!(
                "its row in OrderSummary cannot be read: {reason}"
            ))),
            Found::OfNewerCode => Err(ProjectError::Passing(NEWER_CODE.to_owned())),
        }
    }
}
