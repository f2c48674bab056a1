//! CustomerOrders: the orders of a customer, newest first.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use domain::Version;
use domain::order::{OrderId, OrderStatus};
use environment::{ConfigError, Environment};
use lambda_edge::stream::EventRecord;
use projector::{ProjectError, StreamConsumer};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::derived::Derived;
use crate::order_row::OrderSummaryRow;
use crate::order_summary::OrderSummaries;
use crate::rows::{Row, Rows};
use crate::totals::{Amounts, Totals};

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
    #[serde(with = "domain::time::timestamp")]
    pub created_at: DateTime<Utc>,
    #[serde(with = "domain::time::timestamp")]
    pub updated_at: DateTime<Utc>,
}

impl Row for CustomerOrderRow {
    const NAME: &'static str = CustomerOrdersProjection::NAME;
    const GENERATION: u32 = 2;
    const KEY: &'static [&'static str] = &["CustomerId", "OrderKey"];
    const TOTALS: Option<Totals> = Some(SUMMARY);

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

    fn amounts(&self) -> Amounts {
        let mut amounts = Amounts::default();
        amounts.add(format!("status#{}", self.status), Decimal::ONE);
        amounts.add_money(&self.currency, self.total_amount, self.status);
        amounts
    }
}

/// Before all order keys, which begin with a digit.
pub(crate) const SUMMARY: Totals = Totals {
    key: "#summary",
    marked: None,
};

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
        Ok(Self::new(client, tables::CUSTOMER_ORDERS.name_in(env)?))
    }
}

/// Keeps CustomerOrders up to date with OrderSummary.
pub struct CustomerOrdersProjection(Derived<CustomerOrderRow>);

impl CustomerOrdersProjection {
    pub fn new(rows: CustomerOrders, source: OrderSummaries) -> Self {
        Self(Derived::new(rows, source))
    }
}

#[async_trait]
impl StreamConsumer for CustomerOrdersProjection {
    const NAME: &'static str = "customer-orders";
    const AGGREGATE_KEY: &'static str = "OrderId";

    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        self.0.apply(order_id, records).await
    }

    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        self.0.refresh(order_id).await
    }
}
