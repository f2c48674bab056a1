//! `GET /orders`: every combination of filters, page by page.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use chrono::{DateTime, Duration, Utc};
use domain::aggregate::store_event;
use domain::order::{Order, OrderEvent, OrderStatus};
use domain::text::CustomerId;
use event_store::Recorded;
use futures::future::{join, join_all};
use read_models::customer_orders::CustomerOrderRow;
use read_models::order_lists::{Days, ListQuery, OrderLists};
use read_models::{OrderSummaryRow, Row};
use serde_json::json;
use uuid::Uuid;

use super::read_after::{ALL, OF_CUSTOMER, ask, walk};
use crate::support::api::order_body;
use crate::support::orders::{created, item, metadata, submitted};
use crate::support::{Api, Tables};

const CUSTOMERS: [&str; 4] = ["VINET", "HANAR", "Süß & Söhne", "x\" in status paid"];

/// The row of an order with this id, that was created at that time and to which these things have happened since.
fn row(id: Uuid, customer: &str, created_at: DateTime<Utc>, events: &[OrderEvent]) -> OrderSummaryRow {
    let mut first = created([item("11", 2)]);
    if let OrderEvent::OrderCreated { terms, .. } = &mut first {
        terms.customer_id = customer.parse().unwrap();
    }
    let events: Vec<_> = std::iter::once(&first)
        .chain(events)
        .enumerate()
        .map(|(n, event)| Recorded {
            aggregate_id: id.to_string(),
            aggregate_type: "Order".to_owned(),
            version: n as u64 + 1,
            event_id: Uuid::now_v7(),
            timestamp: created_at + Duration::minutes(n as i64),
            metadata: metadata(),
            stored: store_event::<Order>(event),
        })
        .collect();
    let (row, folded) = OrderSummaryRow::fold(id.to_string().parse().unwrap(), None, &events);
    folded.unwrap();
    row.unwrap()
}

/// Rows of `count` orders over twelve days, the same ones each time; every tenth is as old as the one before it.
fn rows(count: usize) -> Vec<OrderSummaryRow> {
    let mut random = fastrand::Rng::with_seed(7);
    let step = Duration::days(12) / i32::try_from(count).unwrap();
    let mut at: DateTime<Utc> = "2026-11-09T00:00:00Z".parse().unwrap();
    let mut rows = Vec::new();
    for n in 0..count {
        if n % 10 > 0 {
            at += step;
        }
        let events = match random.u32(..4) {
            0 | 1 => vec![],
            2 => vec![submitted()],
            _ => vec![submitted(), OrderEvent::OrderDelivered {}],
        };
        let id = Uuid::from_u128(random.u128(..));
        rows.push(row(id, CUSTOMERS[random.usize(..CUSTOMERS.len())], at, &events));
    }
    rows
}

/// Writes these rows as the projections do.
async fn put(tables: &Tables, rows: &[OrderSummaryRow]) {
    for rows in rows.chunks(25) {
        let listed = rows.iter().flat_map(CustomerOrderRow::rows);
        for (table, writes) in [
            ("OrderSummary", rows.iter().map(write).collect()),
            ("CustomerOrders", listed.map(|row| write(&row)).collect()),
        ] {
            let request = tables.dynamodb.batch_write_item();
            let written = request.request_items(table, writes).send().await.unwrap();
            assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()));
        }
    }
}

fn write<R: Row>(row: &R) -> WriteRequest {
    let mut item: HashMap<String, AttributeValue> = serde_dynamo::to_item(row).unwrap();
    item.insert("Generation".to_owned(), AttributeValue::N(R::ROW_VERSION.to_string()));
    let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
    WriteRequest::builder().put_request(put).build()
}

/// Filters of a list, as a query has them.
#[derive(Debug, Clone, Copy)]
struct Filters {
    customer: Option<&'static str>,
    status: Option<OrderStatus>,
    from: Option<&'static str>,
    to: Option<&'static str>,
}

impl Filters {
    fn every_combination() -> Vec<Self> {
        let mut combinations = Vec::new();
        for customer in [None, Some(CUSTOMERS[2]), Some(CUSTOMERS[3]), Some("nobody")] {
            for status in [None, Some(OrderStatus::Created), Some(OrderStatus::Paid)] {
                for (from, to) in [
                    (None, None),
                    (Some("2026-11-12"), None),
                    (None, Some("2026-11-15")),
                    (Some("2026-11-12"), Some("2026-11-15")),
                    (Some("2026-11-12"), Some("2026-11-12")),
                    (Some("2026-12-01"), Some("9999-12-31")),
                ] {
                    combinations.push(Self {
                        customer,
                        status,
                        from,
                        to,
                    });
                }
            }
        }
        combinations
    }

    fn query(&self) -> String {
        let parameters = [
            ("customer_id", self.customer.map(str::to_owned)),
            ("status", self.status.map(|status| status.to_string())),
            ("from_date", self.from.map(str::to_owned)),
            ("to_date", self.to.map(str::to_owned)),
        ];
        let given = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given
            .map(|(name, value)| format!("&{name}={}", encoded(&value)))
            .collect()
    }

    /// The ids and versions of those orders that the filters leave, newest first.
    fn of(&self, rows: &[OrderSummaryRow]) -> Vec<(String, u64)> {
        let mut rows: Vec<_> = rows
            .iter()
            .filter(|row| {
                let day = row.created_at.date_naive().to_string();
                self.customer.is_none_or(|customer| row.customer_id == customer)
                    && self.status.is_none_or(|status| row.status == status)
                    && self.from.is_none_or(|from| from <= day.as_str())
                    && self.to.is_none_or(|to| day.as_str() <= to)
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.order_id.to_string())));
        rows.iter().map(|row| (row.order_id.to_string(), row.version)).collect()
    }
}

/// Percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn every_combination_of_filters_lists_what_looking_at_all_orders_finds() {
    let tables = Tables::new().await;
    let rows = rows(80);
    put(&tables, &rows).await;
    let mut lengths = BTreeSet::new();
    for filters in Filters::every_combination() {
        let expected = filters.of(&rows);
        lengths.insert(expected.len());
        for page_size in [1, 7, 100] {
            let listed = walk(&tables, ALL, &filters.query(), page_size, None).await;
            assert_eq!(listed, expected, "{filters:?} on pages of {page_size}");
        }
    }
    assert!(lengths.len() > 10 && lengths.contains(&80), "{lengths:?}");
}

#[tokio::test]
async fn all_orders_may_lie_in_one_shard() {
    let tables = Tables::new().await;
    let mut rows = rows(600);
    rows.retain(|row| row.list_shard == "2");
    assert!(rows.len() > 100);
    put(&tables, &rows).await;
    for filters in Filters::every_combination() {
        let listed = walk(&tables, ALL, &filters.query(), 20, None).await;
        assert_eq!(listed, filters.of(&rows), "{filters:?}");
    }
    // The other shards are empty, and this one is asked once more.
    let page = lists(&tables).page(&first_page(20), None).await.unwrap();
    assert_eq!((page.cost.requests, page.cost.read_units), (5, 2.5));
}

fn lists(tables: &Tables) -> OrderLists {
    OrderLists::from_env(&tables.environment("order-queries"), tables.client.clone()).unwrap()
}

/// Of all orders.
fn first_page(limit: usize) -> ListQuery<'static> {
    ListQuery {
        customer_id: None,
        status: None,
        created: Days::default(),
        limit,
        read_after: None,
    }
}

/// The table in `docs/costs.md`. How many orders there are makes no difference: no query reads what it does not show, except for
/// the few rows that fill 4 KB.
#[tokio::test]
async fn a_page_of_20_costs_4_requests_and_2_read_units_or_1_and_1_of_a_customer() {
    let tables = Tables::new().await;
    let rows = rows(3_000);
    put(&tables, &rows).await;
    let lists = lists(&tables);
    let customer: CustomerId = CUSTOMERS[0].parse().unwrap();
    let day = |text: &str| text.parse().ok();
    for (customer_id, requests, read_units) in [(None, 4, 2.0), (Some(&customer), 1, 1.0)] {
        for status in [None, Some(OrderStatus::Created)] {
            for (from, to) in [(None, None), (day("2026-11-12"), day("2026-11-15"))] {
                let query = ListQuery {
                    customer_id,
                    status,
                    created: Days { from, to },
                    ..first_page(20)
                };
                let mut after = None;
                for page in ["first", "second", "third"] {
                    let listed = lists.page(&query, after.as_deref()).await.unwrap();
                    assert_eq!(listed.orders.len(), 20);
                    let cost = (listed.cost.requests, listed.cost.read_units);
                    assert_eq!(cost, (requests, read_units), "{page} page of {query:?}");
                    after = listed.next;
                }
            }
        }
    }
    let largest = lists.page(&first_page(100), None).await.unwrap();
    assert!(
        largest.cost.requests <= 6 && largest.cost.read_units <= 12.0,
        "{:?}",
        largest.cost
    );
}

#[tokio::test]
async fn a_filter_that_cannot_be_used_is_named() {
    let tables = Tables::new().await;
    for (query, field) in [
        ("from_date=2026-1-5", "from_date"),
        ("from_date=2026-02-30", "from_date"),
        ("from_date=%2B2026-01-05", "from_date"),
        ("from_date=%2B12026-01-05", "from_date"),
        ("from_date=", "from_date"),
        ("from_date=2026-11-20T00:00:00Z", "from_date"),
        ("to_date=yesterday", "to_date"),
        ("from_date=2026-11-20&to_date=2026-11-19", "to_date"),
        ("to_date=2026-11-20&to_date=2026-11-20", "to_date"),
        ("customer_id=", "customer_id"),
        ("status=lost", "status"),
        ("page_size=101", "page_size"),
        ("view=all", "view"),
        ("colour=red", "colour"),
    ] {
        let (status, body, _) = ask(&tables, ALL, query, None).await;
        assert_eq!((status, &body["code"]), (400, &json!("malformed_parameter")), "{query}");
        assert_eq!(body["errors"][0]["field"], field, "{query}");
    }
    let (status, body, _) = ask(&tables, OF_CUSTOMER, "customer_id=HANAR", None).await;
    assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("customer_id")));
    let (status, ..) = ask(&tables, ALL, "from_date=2026-11-20&to_date=2026-11-20", None).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_cursor_opens_only_unaltered_and_with_its_filters() {
    let tables = Tables::new().await;
    put(&tables, &rows(60)).await;
    let filters = [
        "customer_id=VINET",
        "status=created",
        "from_date=2026-11-10",
        "to_date=2026-11-19",
    ];
    let all = filters.join("&");
    let (_, page, _) = ask(&tables, ALL, &format!("{all}&page_size=1"), None).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let status = async |filters: &str, cursor: &str| {
        let (status, body, _) = ask(&tables, ALL, &format!("{filters}&cursor={cursor}"), None).await;
        assert!(status == 200 || body["code"] == "invalid_cursor", "{body}");
        status
    };
    assert_eq!(status(&all, cursor).await, 200);
    for without in filters {
        let others: Vec<_> = filters.into_iter().filter(|filter| *filter != without).collect();
        assert_eq!(status(&others.join("&"), cursor).await, 400, "{without}");
    }
    for (is, other) in [
        ("VINET", "HANAR"),
        ("created", "paid"),
        ("11-10", "11-11"),
        ("11-19", "11-18"),
    ] {
        assert_eq!(status(&all.replace(is, other), cursor).await, 400, "{other}");
    }
    let flipped = if cursor.starts_with('A') { "B" } else { "A" };
    assert_eq!(status(&all, &format!("{flipped}{}", &cursor[1..])).await, 400);
    assert_eq!(status(&all, &cursor[1..]).await, 400);
}

/// The ids of a list, over all its pages.
async fn walked(api: &Api, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("/orders?{query}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let orders = page.body["data"].as_array().unwrap().iter();
        ids.extend(orders.map(|order| order["order_id"].as_str().unwrap().to_owned()));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_orders_arrive_and_change_no_order_is_listed_twice_and_none_is_left_out() {
    let api = Api::start().await;
    let (mut created, mut changing) = (BTreeSet::new(), Vec::new());
    for n in 0..160 {
        let id = api.create_order().await;
        // The others stay `created`, though they change, too.
        if n % 2 == 0 {
            changing.push(id);
        } else {
            created.insert(id);
        }
    }
    api.stack.caught_up().await.unwrap();
    let all: BTreeSet<_> = created.iter().chain(&changing).cloned().collect();

    let writers = (0..8).map(|writer: usize| {
        let (api, created, changing) = (&api, &created, &changing);
        async move {
            for (n, id) in changing.iter().skip(writer).step_by(8).enumerate() {
                api.post_empty(&format!("/orders/{id}/submit")).await;
                let other = created.iter().nth(n * 8 + writer).unwrap();
                let item = json!({ "product_id": format!("p{writer}"), "quantity": 1, "unit_price": 1 });
                api.post(&format!("/orders/{other}/items"), item).await;
                api.create_order().await;
                let reason = json!({ "reason": "changed" });
                api.post(&format!("/orders/{id}/cancel"), reason).await;
            }
        }
    });
    let done = AtomicBool::new(false);
    let writers = async {
        join_all(writers).await;
        done.store(true, Ordering::Relaxed);
    };
    let reader = async {
        while !done.load(Ordering::Relaxed) {
            for (query, throughout) in [
                ("page_size=20", &all),
                ("page_size=15&status=created", &created),
                ("page_size=20&customer_id=VINET", &all),
                ("page_size=15&customer_id=VINET&status=created", &created),
            ] {
                let listed = walked(&api, query).await;
                let distinct: BTreeSet<_> = listed.iter().cloned().collect();
                assert_eq!(distinct.len(), listed.len(), "{query}: an order is listed twice");
                let missing: Vec<_> = throughout.difference(&distinct).collect();
                assert!(missing.is_empty(), "{query}: {missing:?} are left out");
            }
        }
    };
    join(writers, reader).await;
    api.stack.caught_up().await.unwrap();
    let cancelled: BTreeSet<_> = walked(&api, "status=cancelled").await.into_iter().collect();
    assert!(changing.iter().all(|id| cancelled.contains(id)));
}

/// Other changes keep other items beside a customer's orders, with keys before theirs.
#[tokio::test]
async fn only_orders_are_listed_of_a_customer() {
    let tables = Tables::new().await;
    let rows = rows(20);
    put(&tables, &rows).await;
    let other = HashMap::from([("CustomerId", "VINET"), ("OrderKey", "#other"), ("StatusKey", "#other")]);
    let other = other
        .into_iter()
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    let put = tables
        .dynamodb
        .put_item()
        .table_name("CustomerOrders")
        .set_item(Some(other.collect()));
    put.send().await.unwrap();
    for filters in Filters::every_combination() {
        let filters = Filters {
            customer: Some("VINET"),
            ..filters
        };
        let listed = walk(&tables, ALL, &filters.query(), 3, None).await;
        assert_eq!(listed, filters.of(&rows), "{filters:?}");
    }
}

#[tokio::test]
async fn a_list_has_whole_orders_when_it_is_asked_to() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let mut other = order_body();
    other["customer_id"] = json!("HANAR");
    api.post("/orders", other).await;
    api.stack.caught_up().await.unwrap();
    let compact = api.get("/orders").await.body;
    assert_eq!(compact["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        compact["data"][1],
        api.get(&format!("/orders/{id}?view=compact")).await.body
    );
    let whole = api.get("/orders?view=full&customer_id=VINET").await.body;
    assert_eq!(whole["data"], json!([api.get(&format!("/orders/{id}")).await.body]));
}
