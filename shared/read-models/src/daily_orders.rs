//! DailyOrders: what the orders of each day come to.
//!
//! A day's rows are spread over some partitions by customer, each with its totals, so that neither the rows nor the totals
//! of a busy day all lie on one key. All orders of a customer on a day are in one partition: so customers are counted once.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::Version;
use domain::order::{OrderId, OrderStatus};
use dynamodb::{TableError, batch_get, shard_of};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use tables::Table;

use crate::day::{Day, Zone};
use crate::money::Money;
use crate::order_row::OrderSummaryRow;
use crate::rows::{Row, Rows};
use crate::totals::{Amounts, Totals};

/// How many partitions a day has. Each takes 1,000 write units a second, and a new order takes 6. Another number makes rows
/// stand elsewhere: it takes a new [`Row::ROW_VERSION`].
const SHARDS: u32 = 8;

/// An order on the day of its creation, as the shop's clocks say it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DailyOrderRow {
    /// `<day>#<shard of the customer>`, in any zone but UTC with `<time zone>#` before it: days of different zones never meet.
    pub day_shard: String,
    /// `order#<time of creation>#<order id>`
    pub entry: String,
    pub order_id: OrderId,
    pub version: Version,
    pub customer_id: String,
    pub status: OrderStatus,
    pub currency: String,
    pub total_amount: Decimal,
}

impl Row for DailyOrderRow {
    const NAME: &'static str = "daily-orders";
    const ROW_VERSION: u32 = 1;
    const TABLE: Table = tables::DAILY_ORDERS;
    const TOTALS: Option<Totals> = Some(DAY);

    fn rows(order: &OrderSummaryRow) -> Vec<Self> {
        Self::rows_in(order, &Zone::UTC)
    }

    fn rows_in(order: &OrderSummaryRow, zone: &Zone) -> Vec<Self> {
        let shard = shard_of(&order.customer_id, SHARDS);
        vec![Self {
            day_shard: day_shard(zone, zone.day_of(order.created_at), shard),
            entry: format!("order#{}", order.order_key),
            order_id: order.order_id,
            version: order.version,
            customer_id: order.customer_id.clone(),
            status: order.status,
            currency: order.currency.clone(),
            total_amount: order.total_amount,
        }]
    }

    fn version(&self) -> Version {
        self.version
    }

    fn amounts(&self) -> Amounts {
        let mut amounts = Amounts::default();
        amounts.add("orders", Decimal::ONE);
        match self.status {
            OrderStatus::Shipped | OrderStatus::Delivered => amounts.add("shipped", Decimal::ONE),
            OrderStatus::Cancelled => amounts.add("cancelled", Decimal::ONE),
            OrderStatus::Created | OrderStatus::Submitted | OrderStatus::Confirmed | OrderStatus::Paid => {}
        }
        amounts.add_money(&self.currency, self.total_amount, self.status);
        amounts
    }

    fn mark(&self) -> Option<String> {
        Some(format!("customer#{}", self.customer_id))
    }
}

const DAY: Totals = Totals {
    key: "totals",
    marked: Some("customers"),
};

fn day_shard(zone: &Zone, day: Day, shard: u32) -> String {
    match zone.name() {
        "UTC" => format!("{day}#{shard}"),
        zone => format!("{zone}#{day}#{shard}"),
    }
}

/// The orders that were created on a day, as they are now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DailyReport {
    /// `YYYY-MM-DD`
    pub date: String,
    /// The IANA name of the time zone that the day is of.
    pub time_zone: String,
    pub total_orders: u64,
    pub unique_customers: u64,
    /// Also those that have been delivered.
    pub shipped_orders: u64,
    pub cancelled_orders: u64,
    pub revenue: Vec<Money>,
}

/// The DailyOrders table.
pub type DailyOrders = Rows<DailyOrderRow>;

impl DailyOrders {
    /// Whether all of a day lies before that moment.
    pub fn ended_before(&self, day: Day, at: DateTime<Utc>) -> bool {
        day < self.zone.day_of(at)
    }

    /// One request, of half a read unit for each partition of the day.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn report(&self, day: Day) -> Result<DailyReport, TableError> {
        let keys = (0..SHARDS).map(|shard| {
            HashMap::from([
                (
                    "DayShard".to_owned(),
                    AttributeValue::S(day_shard(&self.zone, day, shard)),
                ),
                ("Entry".to_owned(), AttributeValue::S(DAY.key.to_owned())),
            ])
        });
        let mut amounts = Amounts::default();
        for totals in batch_get(&self.client, &self.table, keys.collect(), false).await? {
            amounts.add_all(&Amounts::of_totals(&totals));
        }
        let count = |name: &str| amounts.get(name).to_u64().unwrap_or_default();
        Ok(DailyReport {
            date: day.to_string(),
            time_zone: self.zone.name().to_owned(),
            total_orders: count("orders"),
            unique_customers: count("customers"),
            shipped_orders: count("shipped"),
            cancelled_orders: count("cancelled"),
            revenue: amounts.money(),
        })
    }
}
