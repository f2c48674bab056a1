//! The catalogue: what the shop sells, and at which prices.

use std::sync::Arc;

use api::parameters::check_new;
use api::{Cursors, not_found, precondition, put_problem, read_problem, reference_lists};
use aws_config::SdkConfig;
use domain::catalogue::Product;
use domain::money::Currency;
use domain::text::{ProductId, Stored};
use lambda_edge::http::{self, Caching, Call, Field, Fields, Problem, Reply, Routes, StatusCode};
use lambda_edge::{ConfigError, Environment, Function};
use reference_data::{ProductView, Products};

/// What the handlers need.
pub struct App {
    pub products: Products,
    pub cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let app = App {
        products: Products::from_env(env, dynamodb::client(aws))?,
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /products", list)
        .on("GET /products/{product_id}", product)
        .on("PUT /products/{product_id}", put_product)
        .on("DELETE /products/{product_id}", retire_product)
}

async fn list(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    reference_lists::page::<_, ProductView>(&app.products, &app.cursors, "products", &call).await
}

async fn product(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Stored(product_id) = call.id::<Stored<ProductId>>("product_id")?;
    let found = app.products.get(&product_id).await.map_err(read_problem)?;
    let product = found.ok_or_else(product_not_found)?;
    let version = product.version;
    let reply = Reply::ok(&ProductView::from(product))?.version(version);
    Ok(reply.caching(Caching::Revalidated))
}

async fn put_product(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Stored(product_id) = call.id::<Stored<ProductId>>("product_id")?;
    let expected = precondition(&call)?;
    let product = call.body(|body| new_product(product_id, body))?;
    if let Err(problem) = check_new("product_id", &product.product_id)
        && app
            .products
            .get(&product.product_id)
            .await
            .map_err(read_problem)?
            .is_none()
    {
        return Err(problem);
    }
    let written = app.products.put(product, &expected).await;
    let written = written.map_err(|error| put_problem("product", product_not_found, error))?;
    let status = if written.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let version = written.now.version;
    Ok(Reply::json(status, &ProductView::from(written.now))?.version(version))
}

async fn retire_product(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_body()?;
    let Stored(product_id) = call.id::<Stored<ProductId>>("product_id")?;
    let retired = app.products.retire(&product_id, &precondition(&call)?).await;
    let retired = retired.map_err(|error| put_problem("product", product_not_found, error))?;
    let version = retired.now.version;
    Ok(Reply::ok(&ProductView::from(retired.now))?.version(version))
}

fn product_not_found() -> Problem {
    not_found("product_not_found", "There is no such product.")
}

fn new_product(product_id: ProductId, body: &mut Fields) -> Option<Product> {
    let name = body.required("name", Field::text);
    let sku = body.optional("sku", Field::text);
    let currency: Option<Currency> = body.required("currency", Field::text);
    let unit_price = body.required("unit_price", |field| {
        field.decimal_as(|price| currency.map_or(Ok(price), |currency| currency.price(price)))
    });
    Some(Product {
        product_id,
        name: name?,
        sku: sku?,
        unit_price: unit_price?,
        currency: currency?,
    })
}
