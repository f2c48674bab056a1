//! Queries on a customer, its orders, and what it is told of them.
//!
//! | module | what it holds |
//! |---|---|
//! | `notifications` | what a customer was told |

mod notifications;

use std::sync::Arc;

use api::{Cursors, Paged, customer_not_found, read_problem, reference_lists};
use aws_config::SdkConfig;
use domain::text::{CustomerId, Stored};
use event_store::EventStore;
use lambda_edge::http::{self, Caching, Call, Problem, Reply, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::{CustomerOrders, FreshOrders, OrderSummaries};
use reference_data::{Customer, CustomerView, Customers, Versioned};
use sent_letters::Notifications;
use views::OrderListRequests;
use views::list_requests::ListFilter;

/// What the handlers need.
pub struct App {
    pub lists: OrderListRequests,
    pub customer_orders: CustomerOrders,
    pub customers: Customers,
    pub notifications: Notifications,
    pub cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let events = EventStore::from_env(env, dynamodb.clone())?;
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let app = App {
        lists: OrderListRequests::from_env(env, dynamodb.clone(), FreshOrders::new(events, rows))?,
        customer_orders: CustomerOrders::from_env(env, dynamodb.clone())?,
        customers: Customers::from_env(env, dynamodb.clone())?,
        notifications: Notifications::from_env(env, dynamodb)?,
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /customers", customers)
        .on("GET /customers/{customer_id}", customer)
        .on("GET /customers/{customer_id}/orders", orders)
        .on("GET /customers/{customer_id}/order-summary", order_summary)
        .on("GET /customers/{customer_id}/notifications", notifications::list)
}

async fn customers(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    reference_lists::page::<_, CustomerView>(&app.customers, &app.cursors, "customers", &call).await
}

async fn customer(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Stored(customer_id) = call.id::<Stored<CustomerId>>("customer_id")?;
    let customer = find(&app, &customer_id).await?;
    let version = customer.version;
    let reply = Reply::ok(&CustomerView::from(customer))?.version(version);
    Ok(reply.caching(Caching::Revalidated))
}

async fn find(app: &App, customer_id: &CustomerId) -> Result<Versioned<Customer>, Problem> {
    let found = app.customers.get(customer_id).await.map_err(read_problem)?;
    found.ok_or_else(customer_not_found)
}

async fn orders(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let parameters = Paged::of(&call, |query| {
        let customer_id = call.named(query, "customer_id").map(|Stored(id)| id);
        let filter = ListFilter::of_customer(customer_id.clone(), query);
        customer_id.and(filter)
    })?;
    app.lists.answer(&call, parameters).await
}

async fn order_summary(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Stored(customer_id) = call.id::<Stored<CustomerId>>("customer_id")?;
    let summary = app.customer_orders.summary(&customer_id).await.map_err(read_problem)?;
    // Whoever has ordered is there, known by name or not.
    if summary.first_order_at.is_none() {
        find(&app, &customer_id).await?;
    }
    Reply::ok(&summary)
}
