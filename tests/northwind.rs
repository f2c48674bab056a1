//! Sends the 830 orders of the Northwind sample database through the HTTP API of a local stack, and compares what the
//! system says afterwards with what the CSV files say.
//!
//! The files are read from the folder that `NORTHWIND` names; they are not part of this project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use local_stack::functions::FUNCTIONS;
use local_stack::{LocalStack, Options};
use reqwest::Method;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How many orders are on their way at once.
const CONCURRENT_ORDERS: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CsvOrder {
    #[serde(rename = "orderID")]
    order_id: String,
    #[serde(rename = "customerID")]
    customer_id: String,
    shipped_date: String,
    ship_via: String,
    ship_address: String,
    ship_city: String,
    ship_region: String,
    ship_postal_code: String,
    ship_country: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CsvLine {
    #[serde(rename = "orderID")]
    order_id: String,
    #[serde(rename = "productID")]
    product_id: String,
    unit_price: Decimal,
    quantity: u32,
    discount: Decimal,
}

#[derive(Debug, Deserialize)]
struct CsvProduct {
    #[serde(rename = "productID")]
    id: String,
    #[serde(rename = "productName")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct CsvShipper {
    #[serde(rename = "shipperID")]
    id: String,
    #[serde(rename = "companyName")]
    name: String,
}

struct Northwind {
    orders: Vec<CsvOrder>,
    lines: BTreeMap<String, Vec<CsvLine>>,
    products: BTreeMap<String, String>,
    shippers: BTreeMap<String, String>,
}

/// What the CSV says of an order.
#[derive(Debug, PartialEq)]
struct Expected {
    customer_id: String,
    total: Decimal,
    status: &'static str,
    products: usize,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{file}: {source}")]
    Csv { file: String, source: csv::Error },
    #[error("{0}")]
    Start(#[from] local_stack::StartError),
    #[error("{0}")]
    Behind(#[from] local_stack::CaughtUpError),
    #[error("{method} {path}: {source}")]
    Http {
        method: Method,
        path: String,
        source: reqwest::Error,
    },
    #[error("{method} {path} answers {status}: {body}")]
    Refused {
        method: Method,
        path: String,
        status: u16,
        body: Value,
    },
    #[error("order {order}: {what} is {found}, and the CSV says {expected}")]
    Differs {
        order: String,
        what: &'static str,
        found: String,
        expected: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let folder = PathBuf::from(std::env::var("NORTHWIND").unwrap_or_else(|_| "../shared/data/northwind".to_owned()));
    if !folder.join("orders.csv").is_file() {
        eprintln!(
            "The Northwind data is not there: {} has no orders.csv. Nothing was tried. \
             Set NORTHWIND to the folder with its CSV files.",
            folder.display()
        );
        return ExitCode::from(2);
    }
    match run(&folder).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("northwind: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(folder: &Path) -> Result<(), Failure> {
    let northwind = Northwind::read(folder)?;
    let stack = LocalStack::start(Options::in_memory("template.yaml"), FUNCTIONS).await?;
    let api = Api {
        url: stack.url().to_owned(),
        http: reqwest::Client::new(),
    };

    let started = Instant::now();
    let placed: BTreeMap<String, Expected> = stream::iter(&northwind.orders)
        .map(|order| place(&api, &northwind, order))
        .buffer_unordered(CONCURRENT_ORDERS)
        .try_collect()
        .await?;
    let placing = started.elapsed();
    stack.caught_up().await?;

    for (order_id, expected) in &placed {
        compare(&api, order_id, expected).await?;
    }
    let customers: BTreeSet<&str> = placed.values().map(|order| order.customer_id.as_str()).collect();
    for customer in &customers {
        compare_list(&api, &placed, customer).await?;
    }

    let total: Decimal = placed.values().map(|order| order.total).sum();
    let shipped = placed.values().filter(|order| order.status == "shipped").count();
    println!(
        "{} orders with {} lines of {} customers, placed in {:.1} s: {shipped} shipped, {} paid, {total} in all.",
        placed.len(),
        northwind.lines.values().map(Vec::len).sum::<usize>(),
        customers.len(),
        placing.as_secs_f64(),
        placed.len() - shipped,
    );
    println!("Every order's total, status and number of products, and every customer's list, is what the CSV says.");
    stack.stop().await;
    Ok(())
}

impl Northwind {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let mut lines = BTreeMap::<_, Vec<_>>::new();
        for line in read::<CsvLine>(folder, "order_details.csv")? {
            lines.entry(line.order_id.clone()).or_default().push(line);
        }
        let products = read::<CsvProduct>(folder, "products.csv")?;
        let shippers = read::<CsvShipper>(folder, "shippers.csv")?;
        Ok(Self {
            orders: read(folder, "orders.csv")?,
            lines,
            products: products.into_iter().map(|product| (product.id, product.name)).collect(),
            shippers: shippers.into_iter().map(|shipper| (shipper.id, shipper.name)).collect(),
        })
    }

    fn lines(&self, order: &CsvOrder) -> &[CsvLine] {
        self.lines.get(&order.order_id).map_or(&[], Vec::as_slice)
    }

    fn expected(&self, order: &CsvOrder) -> Expected {
        let lines = self.lines(order);
        Expected {
            customer_id: order.customer_id.clone(),
            total: lines
                .iter()
                .map(|line| line.price() * Decimal::from(line.quantity))
                .sum(),
            status: if present(&order.shipped_date).is_some() {
                "shipped"
            } else {
                "paid"
            },
            products: lines.len(),
        }
    }
}

impl CsvLine {
    /// The price of one piece after the line's discount, in whole cents.
    fn price(&self) -> Decimal {
        (self.unit_price * (Decimal::ONE - self.discount))
            .round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)
    }
}

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>, Failure> {
    let file = folder.join(name);
    csv::Reader::from_path(&file)
        .and_then(|mut reader| reader.deserialize().collect())
        .map_err(|source| Failure::Csv {
            file: file.display().to_string(),
            source,
        })
}

/// The files write `NULL` where there is nothing.
fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| *text != "NULL")
}

struct Api {
    url: String,
    http: reqwest::Client,
}

impl Api {
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let failed = |source| Failure::Http {
            method: method.clone(),
            path: path.to_owned(),
            source,
        };
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body: Value = response.json().await.map_err(failed)?;
        if !status.is_success() {
            return Err(Failure::Refused {
                method,
                path: path.to_owned(),
                status: status.as_u16(),
                body,
            });
        }
        Ok(body)
    }
}

/// Creates, submits, confirms, pays, and ships the order if it was shipped. Returns its id here.
async fn place(api: &Api, northwind: &Northwind, order: &CsvOrder) -> Result<(String, Expected), Failure> {
    let expected = northwind.expected(order);
    let items: Vec<Value> = northwind
        .lines(order)
        .iter()
        .map(|line| {
            json!({
                "product_id": line.product_id,
                "product_name": northwind.products.get(&line.product_id),
                "quantity": line.quantity,
                "unit_price": line.price(),
            })
        })
        .collect();
    let create = json!({
        "customer_id": order.customer_id,
        "items": items,
        "shipping_address": {
            "street": order.ship_address,
            "city": order.ship_city,
            "state": present(&order.ship_region),
            "postal_code": present(&order.ship_postal_code),
            "country": order.ship_country,
        },
    });
    let created = api.send(Method::POST, "/orders", Some(create)).await?;
    let id = created["order_id"].as_str().unwrap_or_default().to_owned();

    let path = |command: &str| format!("/orders/{id}/{command}");
    api.send(Method::POST, &path("submit"), None).await?;
    let confirm = json!({ "payment_method_id": "northwind account" });
    api.send(Method::POST, &path("confirm"), Some(confirm)).await?;
    let payment = json!({ "transaction_id": format!("NW {}", order.order_id), "amount": expected.total });
    api.send(Method::POST, &path("payment"), Some(payment)).await?;
    if expected.status == "shipped" {
        let ship = json!({
            "tracking_number": format!("NW-{}", order.order_id),
            "carrier": northwind.shippers.get(&order.ship_via),
        });
        api.send(Method::POST, &path("ship"), Some(ship)).await?;
    }
    Ok((id, expected))
}

async fn compare(api: &Api, order_id: &str, expected: &Expected) -> Result<(), Failure> {
    let order = api.send(Method::GET, &format!("/orders/{order_id}"), None).await?;
    let differs = |what, found: &Value, expected: String| {
        Err(Failure::Differs {
            order: order_id.to_owned(),
            what,
            found: found.to_string(),
            expected,
        })
    };
    let total: Option<Decimal> = order["total_amount"].as_str().and_then(|total| total.parse().ok());
    if total != Some(expected.total) {
        return differs("the total", &order["total_amount"], expected.total.to_string());
    }
    if order["status"] != expected.status {
        return differs("the status", &order["status"], expected.status.to_owned());
    }
    if order["item_count"] != expected.products {
        return differs(
            "the number of products",
            &order["item_count"],
            expected.products.to_string(),
        );
    }
    Ok(())
}

/// The customer's list, read in pages, has the customer's orders and no others, whole and by status.
async fn compare_list(api: &Api, placed: &BTreeMap<String, Expected>, customer: &str) -> Result<(), Failure> {
    for status in [None, Some("paid"), Some("shipped")] {
        let filter = status.map(|status| format!("&status={status}")).unwrap_or_default();
        let mut listed = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/customers/{customer}/orders?page_size=7{filter}{cursor}");
            let page = api.send(Method::GET, &path, None).await?;
            let ids = page["data"].as_array().into_iter().flatten();
            listed.extend(ids.filter_map(|order| order["order_id"].as_str().map(str::to_owned)));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut expected: Vec<_> = placed
            .iter()
            .filter(|(_, order)| order.customer_id == customer && status.is_none_or(|status| order.status == status))
            .map(|(id, _)| id.clone())
            .collect();
        expected.sort();
        listed.sort();
        if listed != expected {
            return Err(Failure::Differs {
                order: format!("list of {customer}"),
                what: "the list",
                found: format!("{listed:?}"),
                expected: format!("{expected:?}"),
            });
        }
    }
    Ok(())
}
