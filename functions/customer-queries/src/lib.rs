//! Queries on the orders of a customer.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use lambda_edge::http::{self, Call, Problem, Reply, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::list_requests::ListParameters;
use read_models::{FreshOrders, OrderListRequests, OrderSummaries, from_env};

/// What the handlers need.
pub struct App {
    pub lists: OrderListRequests,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = Client::new(aws);
    let events = from_env::event_store(env, dynamodb.clone())?;
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let app = App {
        lists: OrderListRequests::from_env(env, dynamodb, FreshOrders::new(events, rows))?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new().on("GET /customers/{customer_id}/orders", orders)
}

async fn orders(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let mut parameters: ListParameters = call.query()?;
    // It is in the path.
    if parameters.customer_id.is_some() {
        return Err(Problem::parameter("customer_id", "is not known here"));
    }
    parameters.customer_id = Some(call.path("customer_id")?);
    app.lists.answer(&call, parameters).await
}
