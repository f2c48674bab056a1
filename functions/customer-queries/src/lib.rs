//! Queries on a customer and its orders.
//!
//! | module | what it holds |
//! |---|---|
//! | `read_after` | `X-Read-After`: the order that a caller has just changed |

mod read_after;

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::order::OrderStatus;
use domain::text::CustomerId;
use futures::{StreamExt, TryStreamExt, stream};
use lambda_edge::http::{self, Caching, Call, Cursors, Page, PageSize, Problem, Reply, Routes, StatusCode};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::customer_orders::{CustomerOrderRow, CustomerOrdersQuery};
use read_models::problems::read_problem;
use read_models::views::{AnyOrderView, Detail, OrderRowView};
use read_models::{CustomerOrders, FreshOrders, OrderSummaries, customers, from_env};
use reference_data::{CustomerView, Customers};
use serde::Deserialize;

/// What the handlers need.
pub struct App {
    pub customer_orders: CustomerOrders,
    /// For those who have just changed one.
    pub orders: FreshOrders,
    pub customers: Customers,
    pub cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = Client::new(aws);
    let events = from_env::event_store(env, dynamodb.clone())?;
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let app = App {
        customer_orders: CustomerOrders::from_env(env, dynamodb.clone())?,
        orders: FreshOrders::new(events, rows),
        customers: Customers::from_env(env, dynamodb)?,
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /customers/{customer_id}", customer)
        .on("GET /customers/{customer_id}/orders", orders)
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
        let order = app.orders.order(row.order_id, row.version).await?;
        Ok(order.map(|(order, _)| order))
    });
    let orders = stream::iter(orders).buffered(CONCURRENT_READS).try_collect::<Vec<_>>();
    let orders = orders.await.map_err(read_problem)?.into_iter().flatten().collect();
    customers::whole_orders(&app.customers, orders)
        .await
        .map_err(read_problem)
}

async fn customer(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let customer_id: CustomerId = call.path("customer_id")?;
    let found = app.customers.get(&customer_id).await.map_err(read_problem)?;
    let customer = found.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "customer_not_found",
            "There is no such customer.",
        )
    })?;
    let version = customer.version;
    let reply = Reply::ok(&CustomerView::from(customer))?.version(version);
    Ok(reply.caching(Caching::Revalidated))
}
