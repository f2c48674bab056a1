//! CustomerOrders: the orders of a customer, newest first.

use chrono::{DateTime, Utc};
use domain::Version;
use domain::order::{OrderId, OrderStatus};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tables::Table;

use crate::derived::Derived;
use crate::order_row::OrderSummaryRow;
use crate::rows::{Row, Rows};
use crate::totals::{Amounts, Totals};

/// An order in its customer's list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomerOrderRow {
    pub customer_id: String,
    /// The key in the list of all orders, as in the order's row.
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
    const NAME: &'static str = "customer-orders";
    const ROW_VERSION: u32 = 2;
    const TABLE: Table = tables::CUSTOMER_ORDERS;
    const TOTALS: Option<Totals> = Some(SUMMARY);

    fn rows(order: &OrderSummaryRow) -> Vec<Self> {
        vec![Self {
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
        }]
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

/// Keeps CustomerOrders up to date with OrderSummary.
pub type CustomerOrdersProjection = Derived<CustomerOrderRow>;
