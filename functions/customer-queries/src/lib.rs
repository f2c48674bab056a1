//! Queries on the orders of a customer.
//!
//! | module | what it holds |
//! |---|---|
//! | `read_after` | `X-Read-After`: the order that a caller has just changed |

mod read_after;

use std::sync::Arc;

use aws_config::SdkConfig;
use domain::order::OrderStatus;
use domain::text::CustomerId;
use futures::{StreamExt, TryStreamExt, stream};
use lambda_edge::http::{self, Call, Cursors, Page, PageSize, Problem, Reply, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::customer_orders::{CustomerOrderRow, CustomerOrdersQuery};
use read_models::problems::read_problem;
use read_models::views::{AnyOrderView, Detail, OrderRowView};
use read_models::{CustomerOrders, FreshOrders, OrderSummaries, from_env};
use serde::Deserialize;

/// What the handlers need.
pub struct App {
    pub customer_orders: CustomerOrders,
    /// For those who have just changed one.
    pub orders: FreshOrders,
    pub cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = lambda_edge::aws::dynamodb(aws);
    let events = from_env::event_store(env, dynamodb.clone())?;
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let app = App {
        customer_orders: CustomerOrders::from_env(env, dynamodb)?,
        orders: FreshOrders::new(events, rows),
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new().on("GET /customers/{customer_id}/orders", orders)
}

/// How many orders of a page are read at once.
const CONCURRENT_READS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    status: Option<OrderStatus>,
    #[serde(default)]
    page_size: PageSize,
    cursor: Option<String>,
    view: Option<Detail>,
}

async fn orders(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Parameters {
        status,
        page_size,
        cursor,
        view,
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

    let fresh = read_after::order(&app.orders, &call).await?;
    let wanted = CustomerOrdersQuery {
        customer_id: &customer_id,
        status,
        limit: page_size.get(),
        read_after: fresh.as_ref(),
    };
    let page = app.customer_orders.page(wanted, after).await.map_err(read_problem)?;
    let next_cursor = match &page.next {
        None => None,
        Some(next) => Some(app.cursors.seal(&query, next)?),
    };
    let data = match view.unwrap_or(Detail::Compact) {
        Detail::Compact => {
            let rows = page.orders.into_iter().map(OrderRowView::from);
            rows.map(AnyOrderView::Compact).collect()
        }
        Detail::Full => whole_orders(&app, page.orders).await?,
    };
    let reply = Reply::ok(&Page { data, next_cursor })?;
    Ok(reply.read_source(page.source.as_str()))
}

/// The orders of these rows, at their versions or later ones.
async fn whole_orders(app: &App, rows: Vec<CustomerOrderRow>) -> Result<Vec<AnyOrderView>, Problem> {
    let orders = rows.into_iter().map(|row| async move {
        let order = app
            .orders
            .order(row.order_id, row.version)
            .await
            .map_err(read_problem)?;
        Ok(order.map(|(order, _)| AnyOrderView::of(order, Detail::Full)))
    });
    let orders: Vec<_> = stream::iter(orders).buffered(CONCURRENT_READS).try_collect().await?;
    Ok(orders.into_iter().flatten().collect())
}
