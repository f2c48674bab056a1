//! The catalogue: what the shop sells, and at which prices.

use std::sync::Arc;

use api::{not_found, precondition, put_problem, read_problem};
use aws_config::SdkConfig;
use domain::catalogue::Product;
use domain::money::Currency;
use domain::text::ProductName;
use domain::text::{ProductId, Sku};
use lambda_edge::http::{self, Caching, Call, Problem, Reply, Routes, StatusCode, exact};
use lambda_edge::{ConfigError, Environment, Function};
use reference_data::{ProductView, Products};
use rust_decimal::Decimal;
use serde::Deserialize;

/// What the handlers need.
pub struct App {
    pub products: Products,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let app = App {
        products: Products::from_env(env, dynamodb::client(aws))?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /products/{product_id}", product)
        .on("PUT /products/{product_id}", put_product)
}

/// Unknown fields are refused: a misspelt optional field would be lost silently.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductBody {
    name: ProductName,
    sku: Option<Sku>,
    #[serde(deserialize_with = "exact::decimal")]
    unit_price: Decimal,
    currency: Currency,
}

async fn product(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let product_id: ProductId = call.path("product_id")?;
    let found = app.products.get(&product_id).await.map_err(read_problem)?;
    let product = found.ok_or_else(|| not_found("product_not_found", "There is no such product."))?;
    let version = product.version;
    let reply = Reply::ok(&ProductView::from(product))?.version(version);
    Ok(reply.caching(Caching::Revalidated))
}

async fn put_product(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let product_id: ProductId = call.path("product_id")?;
    let expected = precondition(&call)?;
    let body: ProductBody = call.json()?;
    let unit_price = body
        .currency
        .price(body.unit_price)
        .map_err(|error| Problem::invalid("unit_price", error.to_string()))?;
    let product = Product {
        product_id,
        name: body.name,
        sku: body.sku,
        unit_price,
        currency: body.currency,
    };
    let written = app.products.put(product, &expected).await;
    let written = written.map_err(|error| put_problem("product", error))?;
    let status = if written.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let version = written.now.version;
    Ok(Reply::json(status, &ProductView::from(written.now))?.version(version))
}
