//! Changes of the customers.

use std::sync::Arc;

use api::{precondition, put_problem};
use aws_config::SdkConfig;
use domain::text::{CustomerId, CustomerName, EmailAddress};
use lambda_edge::http::{self, Call, Problem, Reply, Routes, StatusCode};
use lambda_edge::{ConfigError, Environment, Function};
use reference_data::{Customer, CustomerView, Customers};
use serde::Deserialize;

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
    Routes::new().on("PUT /customers/{customer_id}", put_customer)
}

/// Unknown fields are refused: a misspelt optional field would be lost silently.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerBody {
    name: CustomerName,
    email: Option<EmailAddress>,
}

async fn put_customer(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let customer_id: CustomerId = call.path("customer_id")?;
    let expected = precondition(&call)?;
    let CustomerBody { name, email } = call.json()?;
    let customer = Customer {
        customer_id,
        name,
        email,
    };
    let written = app.customers.put(customer, &expected).await;
    let written = written.map_err(|error| put_problem("customer", error))?;
    let status = if written.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let version = written.now.version;
    Ok(Reply::json(status, &CustomerView::from(written.now))?.version(version))
}
