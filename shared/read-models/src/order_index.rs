//! The second projection on OrderSummary's stream: it keeps DailyOrders and OrderSearch.

use async_trait::async_trait;
use lambda_edge::stream::EventRecord;
use projector::{ProjectError, StreamConsumer};

use crate::daily_orders::{DailyOrderRow, DailyOrders};
use crate::derived::Derived;
use crate::order_search::{OrderSearch, OrderSearchIndex};
use crate::order_summary::OrderSummaries;

/// Keeps DailyOrders and OrderSearch up to date with OrderSummary.
pub struct OrderIndexProjection {
    daily_orders: Derived<DailyOrderRow>,
    search: OrderSearchIndex,
}

impl OrderIndexProjection {
    pub fn new(daily_orders: DailyOrders, search: OrderSearch, source: OrderSummaries) -> Self {
        Self {
            daily_orders: Derived::new(daily_orders, source.clone()),
            search: OrderSearchIndex::new(search, source),
        }
    }
}

#[async_trait]
impl StreamConsumer for OrderIndexProjection {
    const NAME: &'static str = "order-index";
    const AGGREGATE_KEY: &'static str = "OrderId";

    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        self.daily_orders.apply(order_id, records).await?;
        self.search.apply(order_id, records).await
    }

    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        self.daily_orders.refresh(order_id).await?;
        self.search.refresh(order_id).await
    }
}
