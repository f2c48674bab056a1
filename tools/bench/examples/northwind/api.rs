//! The API, spoken to over HTTP.

use futures::{StreamExt, TryStreamExt, stream};
use local_stack::LocalStack;
use reqwest::Method;
use serde_json::{Value, json};

use crate::data::{CsvOrder, Northwind};
use crate::expected::{Get, Placed};
use crate::failure::Failure;

pub struct Api {
    url: String,
    http: reqwest::Client,
}

impl Api {
    pub fn of(stack: &LocalStack) -> Self {
        Self {
            url: stack.url().to_owned(),
            http: reqwest::Client::new(),
        }
    }

    pub async fn get(&self, get: &Get) -> Result<Value, Failure> {
        let request = self.http.get(format!("{}{}", self.url, get.path)).query(&get.query);
        let request = match &get.read_after {
            None => request,
            Some(read_after) => request.header("x-read-after", read_after),
        };
        send(request, &format!("GET {} {:?}", get.path, get.query)).await
    }

    /// All of a list, page by page.
    pub async fn walk(&self, get: &Get, page_size: usize) -> Result<Vec<Value>, Failure> {
        let mut walked = Vec::new();
        let mut get = get.clone();
        get.query.push(("page_size", page_size.to_string()));
        let length = get.query.len();
        loop {
            let mut page = self.get(&get).await?;
            if let Value::Array(data) = page["data"].take() {
                walked.extend(data);
            }
            let Some(next) = page["next_cursor"].as_str() else {
                return Ok(walked);
            };
            get.query.truncate(length);
            get.query.push(("cursor", next.to_owned()));
        }
    }

    pub async fn post(&self, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let mut request = self.http.request(Method::POST, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        send(request, &format!("POST {path}")).await
    }

    /// Creates, submits, confirms, pays, and ships the order if it was shipped.
    pub async fn place(&self, northwind: &Northwind, order: &CsvOrder) -> Result<Placed, Failure> {
        let items: Vec<Value> = northwind
            .lines(order)
            .iter()
            .map(|line| {
                json!({
                    "product_id": line.product_id,
                    "product_name": northwind.product(line),
                    "quantity": line.quantity,
                    "unit_price": line.price(),
                })
            })
            .collect();
        let create = json!({
            "customer_id": order.customer_id,
            "items": items,
            "shipping_address": order.address(),
        });
        let created = self.post("/orders", Some(create)).await?;
        let mut placed = Placed::of(northwind, order, created["order_id"].as_str().unwrap_or_default());

        let path = |command: &str| format!("/orders/{}/{command}", placed.id);
        self.post(&path("submit"), None).await?;
        let confirm = json!({ "payment_method_id": "northwind account" });
        self.post(&path("confirm"), Some(confirm)).await?;
        let payment = json!({ "transaction_id": format!("NW {}", placed.id), "amount": placed.total });
        self.post(&path("payment"), Some(payment)).await?;
        if order.is_shipped() {
            let ship = json!({ "tracking_number": order.tracking_number(), "carrier": northwind.carrier(order) });
            self.post(&path("ship"), Some(ship)).await?;
        }
        self.time(&mut placed).await?;
        Ok(placed)
    }

    /// When the order was created and changed last: the CSV files cannot say that, but its events do.
    pub async fn time(&self, order: &mut Placed) -> Result<(), Failure> {
        let get = Get {
            path: format!("/orders/{}/events", order.id),
            ..Get::default()
        };
        let events = self.walk(&get, 100).await?;
        let time = |event: Option<&Value>| {
            let time = event.and_then(|event| event["timestamp"].as_str());
            time.unwrap_or_default().to_owned()
        };
        order.created_at = time(events.first());
        order.updated_at = time(events.last());
        Ok(())
    }
}

async fn send(request: reqwest::RequestBuilder, what: &str) -> Result<Value, Failure> {
    let failed = |source| Failure::Http {
        request: what.to_owned(),
        source,
    };
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    let body: Value = response.json().await.map_err(failed)?;
    if !status.is_success() {
        return Err(Failure::Refused {
            request: what.to_owned(),
            status: status.as_u16(),
            body,
        });
    }
    Ok(body)
}

/// How many requests are on their way at once.
const CONCURRENT_REQUESTS: usize = 8;

/// Does something for each of these, several at once.
pub async fn for_each<T, O, F: Future<Output = Result<O, Failure>>>(
    items: impl IntoIterator<Item = T>,
    act: impl Fn(T) -> F,
) -> Result<Vec<O>, Failure> {
    stream::iter(items)
        .map(act)
        .buffered(CONCURRENT_REQUESTS)
        .try_collect()
        .await
}
