//! Queries on the orders of a customer.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::order::OrderStatus;
use domain::text::CustomerId;
use lambda_edge::http::{self, Call, Cursors, Page, PageSize, Problem, Reply, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::CustomerOrders;
use read_models::problems::read_problem;
use read_models::views::OrderRowView;
use serde::Deserialize;

/// What the handlers need.
pub struct App {
    pub customer_orders: CustomerOrders,
    pub cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let app = App {
        customer_orders: CustomerOrders::from_env(env, Client::new(aws))?,
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new().on("GET /customers/{customer_id}/orders", orders)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    status: Option<OrderStatus>,
    #[serde(default)]
    page_size: PageSize,
    cursor: Option<String>,
}

async fn orders(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Parameters {
        status,
        page_size,
        cursor,
    } = call.query()?;
    let customer_id: CustomerId = call.path("customer_id")?;
    let query = format!(
        "orders of customer {customer_id} in status {}",
        status.map_or("any", OrderStatus::as_str)
    );
    let after = match cursor {
        None => None,
        Some(cursor) => Some(app.cursors.open(&query, &cursor)?),
    };

    let page = app
        .customer_orders
        .page(&customer_id, status, page_size.get(), after)
        .await
        .map_err(read_problem)?;
    let next_cursor = match &page.next {
        None => None,
        Some(next) => Some(app.cursors.seal(&query, next)?),
    };
    Reply::ok(&Page {
        data: page.orders.into_iter().map(OrderRowView::from).collect(),
        next_cursor,
    })
}
