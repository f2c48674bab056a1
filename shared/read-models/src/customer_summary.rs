//! What all orders of a customer come to: the totals of CustomerOrders.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::text::CustomerId;
use dynamodb::TableError;
use futures::future::try_join3;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::customer_orders::{CustomerOrders, SUMMARY};
use crate::money::Money;

/// A customer's orders in numbers; of a customer without orders, zeros.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CustomerSummary {
    pub customer_id: String,
    pub total_orders: u64,
    /// Statuses that no order has are left out.
    pub by_status: BTreeMap<String, u64>,
    pub totals: Vec<Money>,
    /// RFC 3339, UTC.
    pub first_order_at: Option<String>,
    pub last_order_at: Option<String>,
}

/// Which of a customer's orders, by their creation.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    First,
    Last,
}

impl CustomerOrders {
    /// Three requests of half a read unit each, however many orders the customer has.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn summary(&self, customer_id: &CustomerId) -> Result<CustomerSummary, TableError> {
        let customer = customer_id.as_str();
        let (amounts, first_order_at, last_order_at) = try_join3(
            self.totals(SUMMARY, customer),
            self.order_time(customer, Which::First),
            self.order_time(customer, Which::Last),
        )
        .await?;
        let count = |amount: Decimal| amount.to_u64().unwrap_or_default();
        let by_status: BTreeMap<_, _> = amounts
            .with_prefix("status#")
            .map(|(status, orders)| (status.to_owned(), count(orders)))
            .collect();
        Ok(CustomerSummary {
            customer_id: customer.to_owned(),
            total_orders: by_status.values().sum(),
            by_status,
            totals: amounts.money(),
            first_order_at,
            last_order_at,
        })
    }

    /// When that order of the customer was created.
    async fn order_time(&self, customer: &str, which: Which) -> Result<Option<String>, TableError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("CustomerId = :customer AND OrderKey > :summary")
            .expression_attribute_values(":customer", AttributeValue::S(customer.to_owned()))
            .expression_attribute_values(":summary", AttributeValue::S(SUMMARY.key.to_owned()))
            .scan_index_forward(which == Which::First)
            .limit(1)
            .send()
            .await?;
        let row = found.items.unwrap_or_default().into_iter().next();
        Ok(row.and_then(|row| row.get("CreatedAt")?.as_s().ok().cloned()))
    }
}
