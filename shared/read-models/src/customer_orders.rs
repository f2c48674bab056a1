//! CustomerOrders: the orders of a customer, newest first.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::aggregate::reason_without_data;
use domain::order::{OrderId, OrderStatus};
use domain::text::CustomerId;
use event_store::recorded::rfc3339_micros;
use event_store::{CorruptStream, StoreError, Version};
use lambda_edge::stream::EventRecord;
use lambda_edge::{ConfigError, Environment};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::derived::Derived;
use crate::fresh::ReadSource;
use crate::order_summary::{OrderSummaries, OrderSummaryRow};
use crate::projector::{ProjectError, Projection};
use crate::rows::{Row, Rows};
use crate::totals::{Amounts, Totals};

/// An order in its customer's list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomerOrderRow {
    pub customer_id: String,
    /// `<created_at>#<order id>`: never changes, and sorts by time.
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
    const NAME: &'static str = CustomerOrdersProjection::NAME;
    const GENERATION: u32 = 2;
    const KEY: &'static [&'static str] = &["CustomerId", "OrderKey"];
    const TOTALS: Option<Totals> = Some(SUMMARY);

    fn of(order: &OrderSummaryRow) -> Self {
        let order_key = format!("{}#{}", rfc3339_micros(order.created_at), order.order_id);
        Self {
            customer_id: order.customer_id.clone(),
            status_key: status_key(order.status, &order_key),
            order_key,
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

fn status_key(status: OrderStatus, order_key: &str) -> String {
    format!("{status}#{order_key}")
}

/// Part of a customer's list, and where the next part begins.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerOrdersPage {
    pub orders: Vec<CustomerOrderRow>,
    /// The `order_key` after which the next page begins; `None` after the last page.
    pub next: Option<String>,
    pub source: ReadSource,
}

/// Which orders of a customer are wanted.
#[derive(Debug, Clone, Copy)]
pub struct CustomerOrdersQuery<'a> {
    pub customer_id: &'a CustomerId,
    pub status: Option<OrderStatus>,
    pub limit: usize,
    /// An order that is to be shown at least as new as here, in its right place, also while its row is behind.
    pub read_after: Option<&'a CustomerOrderRow>,
}

/// The CustomerOrders table.
pub type CustomerOrders = Rows<CustomerOrderRow>;

impl CustomerOrders {
    /// # Errors
    /// When `CUSTOMER_ORDERS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self::new(client, env.required("CUSTOMER_ORDERS_TABLE")?))
    }

    /// A page of the customer's orders after `after`, newest first.
    ///
    /// One Query that reads no more than it returns, and one order more; two, when one of them may be outdated.
    ///
    /// # Errors
    /// What DynamoDB said, or [`StoreError::Corrupt`] when a row cannot be read.
    pub async fn page(
        &self,
        query: CustomerOrdersQuery<'_>,
        after: Option<String>,
    ) -> Result<CustomerOrdersPage, StoreError> {
        let CustomerOrdersQuery {
            customer_id,
            status,
            limit,
            read_after,
        } = query;
        let customer = AttributeValue::S(customer_id.to_string());
        let start = after.clone().map(|order_key| {
            let mut key = HashMap::from([("CustomerId".to_owned(), customer.clone())]);
            if let Some(status) = status {
                key.insert(
                    "StatusKey".to_owned(),
                    AttributeValue::S(status_key(status, &order_key)),
                );
            }
            key.insert("OrderKey".to_owned(), AttributeValue::S(order_key));
            key
        });
        let request = self.client.query().table_name(&self.table);
        let request = match status {
            None => request
                .key_condition_expression("CustomerId = :customer AND OrderKey > :summary")
                .expression_attribute_values(":summary", AttributeValue::S(SUMMARY.key.to_owned())),
            Some(status) => request
                .index_name("StatusIndex")
                .key_condition_expression("CustomerId = :customer AND begins_with(StatusKey, :status)")
                .expression_attribute_values(":status", AttributeValue::S(status_key(status, ""))),
        };
        // One more shows whether there is a next page.
        let wanted = limit + 1 + usize::from(read_after.is_some());
        let found = request
            .expression_attribute_values(":customer", customer)
            .scan_index_forward(false)
            .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await?;

        let is_through = found.last_evaluated_key.is_none();
        let mut orders: Vec<CustomerOrderRow> =
            serde_dynamo::from_items(found.items.unwrap_or_default()).map_err(|error| {
                CorruptStream::NotAnEvent(format!("row of a customer: {}", reason_without_data(&error)))
            })?;
        let mut source = ReadSource::Projection;
        if let Some(fresh) = read_after
            && query.put_in_place(fresh, &mut orders, after.as_deref(), is_through)
        {
            source = ReadSource::Events;
        }
        let more = orders.len() > limit;
        orders.truncate(limit);
        let next = orders.last().filter(|_| more).map(|last| last.order_key.clone());
        Ok(CustomerOrdersPage { orders, next, source })
    }
}

impl CustomerOrdersQuery<'_> {
    /// Makes `orders`, the first of those after `after`, show `fresh` instead of an older row of the same order. Whether
    /// that changed anything.
    fn put_in_place(
        &self,
        fresh: &CustomerOrderRow,
        orders: &mut Vec<CustomerOrderRow>,
        after: Option<&str>,
        is_through: bool,
    ) -> bool {
        let stands = orders.iter().position(|row| row.order_id == fresh.order_id);
        if stands.is_some_and(|position| orders[position].version >= fresh.version) {
            return false;
        }
        let last = orders.last().map(|row| row.order_key.clone());
        if let Some(position) = stands {
            orders.remove(position);
        }
        let is_wanted =
            fresh.customer_id == self.customer_id.as_str() && self.status.is_none_or(|status| status == fresh.status);
        // Newest first: what comes after is smaller.
        let is_here = after.is_none_or(|after| fresh.order_key.as_str() < after)
            && (is_through || last.is_some_and(|last| fresh.order_key >= last));
        if is_wanted && is_here {
            let position = orders.partition_point(|row| row.order_key > fresh.order_key);
            orders.insert(position, fresh.clone());
        }
        stands.is_some() || (is_wanted && is_here)
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
impl Projection for CustomerOrdersProjection {
    const NAME: &'static str = "customer-orders";
    const AGGREGATE_KEY: &'static str = "OrderId";

    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        self.0.apply(order_id, records).await
    }

    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        self.0.refresh(order_id).await
    }
}
