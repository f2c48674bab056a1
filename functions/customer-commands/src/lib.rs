//! Changes of the customers.

use std::sync::Arc;

use api::parameters::check_new;
use api::{customer_not_found, precondition, put_problem, read_problem};
use aws_config::SdkConfig;
use domain::text::{CustomerId, Stored};
use lambda_edge::http::{self, Call, Field, Fields, Problem, Reply, Routes, StatusCode};
use lambda_edge::{ConfigError, Environment, Function};
use reference_data::{Customer, CustomerView, Customers};

/// What the handlers need.
pub struct App {
    pub customers: Customers,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let app = App {
        customers: Customers::from_env(env, dynamodb::client(aws))?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("PUT /customers/{customer_id}", put_customer)
        .on("DELETE /customers/{customer_id}", retire_customer)
}

async fn put_customer(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Stored(customer_id) = call.id::<Stored<CustomerId>>("customer_id")?;
    let expected = precondition(&call)?;
    let customer = call.body(|body| new_customer(customer_id, body))?;
    if let Err(problem) = check_new("customer_id", &customer.customer_id)
        && app
            .customers
            .get(&customer.customer_id)
            .await
            .map_err(read_problem)?
            .is_none()
    {
        return Err(problem);
    }
    let written = app.customers.put(customer, &expected).await;
    let written = written.map_err(|error| put_problem("customer", customer_not_found, error))?;
    let status = if written.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let version = written.now.version;
    Ok(Reply::json(status, &CustomerView::from(written.now))?.version(version))
}

async fn retire_customer(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_body()?;
    let Stored(customer_id) = call.id::<Stored<CustomerId>>("customer_id")?;
    let retired = app.customers.retire(&customer_id, &precondition(&call)?).await;
    let retired = retired.map_err(|error| put_problem("customer", customer_not_found, error))?;
    let version = retired.now.version;
    Ok(Reply::ok(&CustomerView::from(retired.now))?.version(version))
}

fn new_customer(customer_id: CustomerId, body: &mut Fields) -> Option<Customer> {
    let name = body.required("name", Field::text);
    let email = body.optional("email", Field::text);
    Some(Customer {
        customer_id,
        name: name?,
        email: email?,
    })
}
