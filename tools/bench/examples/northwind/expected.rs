//! What the system should answer, computed from the CSV files by looking at every order. None of the system's own code is
//! used.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::data::{CsvOrder, Northwind};

pub const STATUSES: [&str; 7] = [
    "created",
    "submitted",
    "confirmed",
    "paid",
    "shipped",
    "delivered",
    "cancelled",
];

/// An order of the CSV files, as it was placed.
#[derive(Debug, Clone)]
pub struct Placed {
    pub id: String,
    pub customer_id: String,
    pub city: String,
    pub products: Vec<String>,
    pub tracking_number: Option<String>,
    pub status: &'static str,
    pub version: u64,
    pub total: Decimal,
    pub items: Value,
    pub created_at: String,
    pub updated_at: String,
}

impl Placed {
    /// The order under the id that it got; its times are not known yet.
    pub fn of(northwind: &Northwind, order: &CsvOrder, id: &str) -> Self {
        let lines = northwind.lines(order);
        let items = lines.iter().map(|line| {
            json!({
                "product_id": line.product_id,
                "product_name": northwind.product(line),
                "sku": null,
                "quantity": line.quantity,
                "unit_price": format!("{:.2}", line.price()),
                "line_total": format!("{:.2}", line.total()),
            })
        });
        let (status, version) = if order.is_shipped() {
            ("shipped", 5)
        } else {
            ("paid", 4)
        };
        Self {
            id: id.to_owned(),
            customer_id: order.customer_id.clone(),
            city: order.ship_city.clone(),
            products: lines.iter().map(|line| northwind.product(line).to_owned()).collect(),
            tracking_number: order.is_shipped().then(|| order.tracking_number()),
            status,
            version,
            total: lines.iter().map(|line| line.total()).sum(),
            items: items.collect(),
            created_at: String::new(),
            updated_at: String::new(),
        }
    }

    /// The order as lists have it.
    fn row(&self) -> Value {
        json!({
            "order_id": self.id,
            "version": self.version,
            "customer_id": self.customer_id,
            "status": self.status,
            "currency": "USD",
            "total_amount": format!("{:.2}", self.total),
            "item_count": self.products.len(),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        })
    }

    /// What a whole order has at least.
    fn whole(&self) -> Value {
        let mut whole = self.row();
        whole["items"] = self.items.clone();
        whole["tracking_number"] = json!(self.tracking_number);
        whole
    }

    fn day(&self) -> &str {
        self.created_at.split('T').next().unwrap_or_default()
    }

    fn words(&self) -> Vec<String> {
        let mut found = words(&self.city);
        for name in &self.products {
            found.extend(words(name));
        }
        for identifier in [Some(&self.customer_id), self.tracking_number.as_ref()]
            .into_iter()
            .flatten()
        {
            found.extend(words(identifier));
            found.push(words(identifier).concat());
        }
        found.push(self.id.replace('-', ""));
        found
    }
}

/// Without accents, case, and whatever is no letter or digit.
fn words(text: &str) -> Vec<String> {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let plain = plain.to_lowercase().replace('ß', "ss");
    let words = plain.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// All orders, newest first.
#[derive(Debug, Clone)]
pub struct Orders(Vec<Placed>);

impl Orders {
    pub fn new(mut orders: Vec<Placed>) -> Self {
        orders.sort_by(|a, b| (&b.created_at, &b.id).cmp(&(&a.created_at, &a.id)));
        Self(orders)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Placed> {
        self.0.iter()
    }

    /// These with an order as it is now.
    pub fn with(&self, order: &Placed) -> Self {
        let others = self.0.iter().filter(|other| other.id != order.id);
        Self::new(others.chain([order]).cloned().collect())
    }

    pub fn customers(&self) -> BTreeSet<&str> {
        self.iter().map(|order| order.customer_id.as_str()).collect()
    }

    fn days(&self) -> BTreeSet<&str> {
        self.iter().map(Placed::day).collect()
    }
}

/// A read.
#[derive(Debug, Clone, Default)]
pub struct Get {
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub read_after: Option<String>,
}

/// A question and its right answer.
pub struct Question {
    /// What is asked for, in a word.
    pub kind: &'static str,
    pub get: Get,
    pub answer: Answer,
}

pub enum Answer {
    /// The answer has these fields, and may have others.
    Fields(Value),
    Is(Value),
    /// All of a list, on pages of this size.
    Lists(usize, Vec<Value>),
}

/// The first and the last day of a list.
type Range = (Option<String>, Option<String>);

impl Orders {
    /// Everything that can be asked.
    pub fn questions(&self, northwind: &Northwind) -> Vec<Question> {
        let mut questions = Vec::new();
        questions.extend(self.iter().map(|order| Question {
            kind: "orders",
            get: get(format!("/orders/{}", order.id), []),
            answer: Answer::Fields(order.whole()),
        }));
        let customers: Vec<_> = self.customers().into_iter().map(Some).chain([None]).collect();
        for customer in customers {
            for status in STATUSES.into_iter().map(Some).chain([None]) {
                for range in self.ranges() {
                    questions.push(self.list(customer, status, range, 100));
                }
                if let Some(customer) = customer {
                    questions.push(self.list_of_customer(customer, status, 7));
                }
            }
        }
        questions.extend(self.customers().into_iter().map(|customer| Question {
            kind: "customer summaries",
            get: get(format!("/customers/{customer}/order-summary"), []),
            answer: Answer::Is(self.summary(customer)),
        }));
        let before = self.days().first().and_then(|day| day_before(day));
        for day in self.days().into_iter().chain(before.as_deref()) {
            questions.push(Question {
                kind: "daily reports",
                get: get("/reports/daily-orders", [("date", Some(day))]),
                answer: Answer::Is(self.report(day)),
            });
        }
        questions.extend(self.searches(northwind));
        questions
    }

    /// Some first and last days: no day, all days that there are, and some that leave days out.
    pub fn ranges(&self) -> Vec<Range> {
        let days = self.days();
        let (first, last) = (days.first().copied(), days.last().copied());
        let text = |day: Option<&str>| day.map(str::to_owned);
        let before = first.and_then(day_before);
        vec![(None, None), (text(first), text(last)), (None, before)]
    }

    pub fn list(&self, customer: Option<&str>, status: Option<&str>, (from, to): Range, page_size: usize) -> Question {
        let rows = self.iter().filter(|order| {
            customer.is_none_or(|customer| order.customer_id == customer)
                && status.is_none_or(|status| order.status == status)
                && from.as_deref().is_none_or(|from| from <= order.day())
                && to.as_deref().is_none_or(|to| order.day() <= to)
        });
        let query = [
            ("customer_id", customer),
            ("status", status),
            ("from_date", from.as_deref()),
            ("to_date", to.as_deref()),
        ];
        Question {
            kind: "lists of orders",
            get: get("/orders", query),
            answer: Answer::Lists(page_size, rows.map(Placed::row).collect()),
        }
    }

    pub fn list_of_customer(&self, customer: &str, status: Option<&str>, page_size: usize) -> Question {
        Question {
            kind: "lists of customers",
            get: get(format!("/customers/{customer}/orders"), [("status", status)]),
            ..self.list(Some(customer), status, (None, None), page_size)
        }
    }

    fn summary(&self, customer: &str) -> Value {
        let orders: Vec<_> = self.iter().filter(|order| order.customer_id == customer).collect();
        let mut by_status = BTreeMap::new();
        for order in &orders {
            *by_status.entry(order.status).or_insert(0) += 1;
        }
        json!({
            "customer_id": customer,
            "total_orders": orders.len(),
            "by_status": by_status,
            "totals": money(&orders),
            "first_order_at": orders.last().map(|order| &order.created_at),
            "last_order_at": orders.first().map(|order| &order.created_at),
        })
    }

    fn report(&self, day: &str) -> Value {
        let orders: Vec<_> = self.iter().filter(|order| order.day() == day).collect();
        let with = |statuses: &[&str]| orders.iter().filter(|order| statuses.contains(&order.status)).count();
        json!({
            "date": day,
            "total_orders": orders.len(),
            "time_zone": "UTC",
            "unique_customers": orders.iter().map(|order| &order.customer_id).collect::<BTreeSet<_>>().len(),
            "shipped_orders": with(&["shipped", "delivered"]),
            "cancelled_orders": with(&["cancelled"]),
            "revenue": money(&orders),
        })
    }

    /// Cities, products, customers, tracking numbers, order ids, two words of an order together, and beginnings.
    fn searches(&self, northwind: &Northwind) -> Vec<Question> {
        let mut asked: BTreeSet<String> = ["Reims", "México", "mexico", "chai", "CHAI reims", "nothing of it"]
            .map(str::to_owned)
            .into();
        asked.extend(northwind.products().map(str::to_owned));
        asked.extend(self.customers().into_iter().map(str::to_owned));
        for (n, order) in self.iter().enumerate() {
            asked.insert(order.city.clone());
            if n % 40 > 0 {
                continue;
            }
            let product = order.products.first().map(String::as_str).unwrap_or_default();
            asked.extend([
                order.tracking_number.clone().unwrap_or_default(),
                order
                    .tracking_number
                    .clone()
                    .unwrap_or_default()
                    .replace('-', "")
                    .to_lowercase(),
                order.id.replace('-', ""),
                format!("{product} {}", order.city),
                format!("{} {}", beginning(product), beginning(&order.city)),
                beginning(product),
                beginning(&order.city),
            ]);
        }
        let orders: Vec<_> = self.iter().map(|order| (order.words(), order.row())).collect();
        // A question has three characters or more.
        let asked = asked.iter().filter(|asked| words(asked).concat().chars().count() >= 3);
        let search = |asked: &String| {
            let words = words(asked);
            let begins = |of_order: &[String], word: &String| of_order.iter().any(|other| other.starts_with(word));
            let found = orders
                .iter()
                .filter(|(of_order, _)| words.iter().all(|word| begins(of_order, word)));
            Question {
                kind: "searches",
                get: get("/orders/search", [("q", Some(asked.as_str()))]),
                answer: Answer::Lists(100, found.map(|(_, row)| row.clone()).collect()),
            }
        };
        asked.map(search).collect()
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(3).collect()
}

fn day_before(day: &str) -> Option<String> {
    let day: NaiveDate = day.parse().ok()?;
    Some(day.checked_sub_days(Days::new(1))?.to_string())
}

fn money(orders: &[&Placed]) -> Value {
    if orders.is_empty() {
        return json!([]);
    }
    let gross: Decimal = orders.iter().map(|order| order.total).sum();
    let kept = orders.iter().filter(|order| order.status != "cancelled");
    let net: Decimal = kept.map(|order| order.total).sum();
    json!([{ "currency": "USD", "gross": format!("{gross:.2}"), "net": format!("{net:.2}") }])
}

fn get<const N: usize>(path: impl Into<String>, query: [(&'static str, Option<&str>); N]) -> Get {
    let given = query
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.to_owned())));
    Get {
        path: path.into(),
        query: given.collect(),
        read_after: None,
    }
}
