//! All projections of this version and their read models: the one list of them.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::{EventStore, StoreError};
use lambda_edge::{ConfigError, Environment};

use crate::parked::{Parked, ParkedEvents};
use crate::projector::{Projection, Redriven, redrive};
use crate::replay::ReadModel;
use crate::{
    CustomerOrders, CustomerOrdersProjection, DailyOrders, OrderIndexProjection, OrderSearch, OrderSummaries,
    OrderSummaryProjection,
};

/// The name of every projection.
pub const NAMES: [&str; 3] = [
    OrderSummaryProjection::NAME,
    CustomerOrdersProjection::NAME,
    OrderIndexProjection::NAME,
];

/// Every projection, and what they have parked.
pub struct Projections {
    parked: ParkedEvents,
    order_summary: OrderSummaryProjection,
    customer_orders: CustomerOrdersProjection,
    order_index: OrderIndexProjection,
}

/// Every read model, for replays.
///
/// # Errors
/// When the environment lacks a variable.
pub fn read_models(env: &Environment, client: &Client) -> Result<Vec<Arc<dyn ReadModel>>, ConfigError> {
    Ok(vec![
        Arc::new(OrderSummaries::from_env(env, client.clone())?),
        Arc::new(CustomerOrders::from_env(env, client.clone())?),
        Arc::new(DailyOrders::from_env(env, client.clone())?),
        Arc::new(OrderSearch::from_env(env, client.clone())?),
    ])
}

impl Projections {
    /// # Errors
    /// When the environment lacks a variable.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        let events = EventStore::from_env(env, client.clone())?;
        let summaries = OrderSummaries::from_env(env, client.clone())?;
        let customer_orders = CustomerOrders::from_env(env, client.clone())?;
        let daily_orders = DailyOrders::from_env(env, client.clone())?;
        let search = OrderSearch::from_env(env, client.clone())?;
        Ok(Self {
            parked: ParkedEvents::from_env(env, client)?,
            order_summary: OrderSummaryProjection::new(events, summaries.clone()),
            order_index: OrderIndexProjection::new(daily_orders, search, summaries.clone()),
            customer_orders: CustomerOrdersProjection::new(customer_orders, summaries),
        })
    }

    /// Projects a parked aggregate again with the projection that parked it.
    ///
    /// # Errors
    /// What DynamoDB said; the aggregate stays parked.
    pub async fn redrive(&self, entry: &Parked) -> Result<Redriven, StoreError> {
        match entry.projection.as_str() {
            OrderSummaryProjection::NAME => redrive(&self.order_summary, &self.parked, entry).await,
            CustomerOrdersProjection::NAME => redrive(&self.customer_orders, &self.parked, entry).await,
            OrderIndexProjection::NAME => redrive(&self.order_index, &self.parked, entry).await,
            _ => {
                let reason = "this version has no such projection".to_owned();
                self.parked.failed_again(entry, reason).await?;
                Ok(Redriven::StillFailing)
            }
        }
    }
}
