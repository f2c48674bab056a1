//! The second projection on OrderSummary's stream: it keeps all read models that have none of their own, as a stream has
//! only two readers.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use environment::{ConfigError, Environment};
use lambda_edge::stream::EventRecord;
use projector::{ProjectError, StreamConsumer};

use crate::daily_orders::DailyOrderRow;
use crate::derived::{Derived, Follows};
use crate::order_search::{OrderSearch, OrderSearchIndex};
use crate::order_summary::OrderSummaries;
use crate::read_model::ReadModel;
use crate::rows::Row;

/// Keeps several read models up to date with OrderSummary.
pub struct OrderIndexProjection(Vec<Box<dyn Follows>>);

impl OrderIndexProjection {
    /// The names of the read models that it keeps.
    pub const READ_MODELS: [&str; 2] = [DailyOrderRow::NAME, OrderSearch::NAME];

    /// # Errors
    /// When the environment lacks a variable.
    pub fn from_env(env: &Environment, client: &Client) -> Result<Self, ConfigError> {
        let source = OrderSummaries::from_env(env, client.clone())?;
        Ok(Self(vec![
            Box::new(Derived::<DailyOrderRow>::from_env(env, client)?),
            Box::new(OrderSearchIndex::new(
                OrderSearch::from_env(env, client.clone())?,
                source,
            )),
        ]))
    }

    /// Those that it keeps.
    pub fn read_models(&self) -> impl Iterator<Item = Arc<dyn ReadModel>> {
        self.0.iter().map(|follower| follower.read_model())
    }
}

#[async_trait]
impl StreamConsumer for OrderIndexProjection {
    const NAME: &'static str = "order-index";
    const AGGREGATE_KEY: &'static str = "OrderId";

    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        for follower in &self.0 {
            follower.apply(order_id, records).await?;
        }
        Ok(())
    }

    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        for follower in &self.0 {
            follower.refresh(order_id).await?;
        }
        Ok(())
    }
}
