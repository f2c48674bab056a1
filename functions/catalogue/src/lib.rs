//! The catalogue: what the shop sells, and at which prices.

use std::sync::Arc;

use api::parameters::check_new;
use api::{not_found, precondition, put_problem, read_problem};
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

async fn product(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Stored(product_id) = call.id::<Stored<ProductId>>("product_id")?;
    let found = app.products.get(&product_id).await.map_err(read_problem)?;
    let product = found.ok_or_else(|| not_found("product_not_found", "There is no such product."))?;
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
    let written = written.map_err(|error| put_problem("product", error))?;
    let status = if written.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let version = written.now.version;
    Ok(Reply::json(status, &ProductView::from(written.now))?.version(version))
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
