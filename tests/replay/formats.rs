//! Rows that hold something else have another state version or row version, and a replay writes them again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use domain::Aggregate;
use domain::aggregate::{StoredEvent, fnv1a};
use domain::order::{Order, OrderId};
use event_store::Recorded;
use operations::{Observer, Plan, Purpose, Replay, Replayer, Replays, Scope, Status, Stop};
use projector::{ParkedEvents, ProjectError, StreamConsumer};
use read_models::customer_orders::CustomerOrderRow;
use read_models::daily_orders::DailyOrderRow;
use read_models::projections::read_models;
use read_models::{Format, OrderSummaries, OrderSummaryProjection, OrderSummaryRow, Row, Rows};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Watch, number, orders, plan, put, rebuild, text, verify};
use crate::projections::{append, assert_rows_are_folds, order};
use crate::support::orders::{added, created, item, metadata, submitted};
use crate::support::samples::get;
use crate::support::{Fault, Tables, project};

/// Newer than all of this code, in either number.
const NEXT: [Format; 2] = [
    Format::of_this_code(9),
    Format {
        state_version: 9,
        row_version: 2,
    },
];

fn rows<R: Row>(tables: &Tables, table: &str) -> Rows<R> {
    Rows::new(tables.client.clone(), table)
}

/// A replayer of code whose rows hold something else.
fn next_replayer(tables: &Tables, next: Format) -> Replayer {
    let environment = tables.environment("replay");
    let client = tables.client.clone();
    Replayer::new(
        tables.store(),
        vec![
            Arc::new(rows::<OrderSummaryRow>(tables, "OrderSummary").with_format(next)),
            Arc::new(rows::<CustomerOrderRow>(tables, "CustomerOrders").with_format(next)),
            Arc::new(rows::<DailyOrderRow>(tables, "DailyOrders").with_format(next)),
        ],
        ParkedEvents::from_env(&environment, client.clone()).unwrap(),
        Replays::from_env(&environment, client).unwrap(),
    )
    .with_checkpoints_every(Duration::ZERO)
}

async fn run(replayer: &Replayer, plan: Plan, observer: &dyn Observer) -> Replay {
    let plan = Plan {
        read_models: replayer.read_models().into_iter().map(str::to_owned).collect(),
        ..plan
    };
    let replay = replayer.create(plan, Status::Running).await.unwrap();
    replayer.run(replay, &Stop::default(), observer).await.unwrap()
}

/// Those of all rows.
async fn formats(tables: &Tables) -> Vec<Format> {
    let mut formats: Vec<Format> = Vec::new();
    for table in ["OrderSummary", "CustomerOrders", "DailyOrders"] {
        for row in tables.rows(table).await {
            formats.push(serde_dynamo::from_item(row).unwrap());
        }
    }
    formats.dedup();
    formats
}

#[tokio::test]
async fn a_replay_of_newer_code_writes_every_row_anew() {
    for next in NEXT {
        let tables = Tables::new().await;
        let ids = orders(&tables, 8).await;
        rebuild(&tables).await;
        let newer = next_replayer(&tables, next);
        let watch = Watch::default();
        run(&newer, plan(Purpose::Verify, Scope::Everything), &watch).await;
        let found = watch.differences.into_inner().unwrap();
        assert_eq!(found.len(), 24, "all are outdated");

        run(&newer, plan(Purpose::Rebuild, Scope::Everything), &Watch::default()).await;
        assert_eq!(formats(&tables).await, [next]);
        assert_rows_are_folds(&tables, &ids).await;
    }
}

/// Rows of before told no state version: they are of the first, and are not written again for that.
#[tokio::test]
async fn a_row_without_a_state_version_is_of_the_first() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 4).await;
    rebuild(&tables).await;
    for table in ["OrderSummary", "CustomerOrders", "DailyOrders", "OrderSearch"] {
        for mut row in tables.items(table).await {
            if row.remove("StateVersion").is_some() {
                put(&tables, table, row).await;
            }
        }
    }
    let current = Order::STATE_VERSION == 1;
    assert_eq!(verify(&tables).await.is_empty(), current);
    let summaries: OrderSummaries = rows(&tables, "OrderSummary");
    let row = summaries.order(ids[0].parse().unwrap()).await.unwrap();
    assert_eq!(row.is_some(), current);

    // It goes on, and from then on tells one.
    let length = tables.store().version(&ids[0]).await.unwrap();
    append(&tables, &ids[0], length, &[added("late", 1)]).await;
    OrderSummaryProjection::new(tables.store(), summaries)
        .refresh(&ids[0])
        .await
        .unwrap();
    let told = tables.rows("OrderSummary").await;
    assert_eq!(told.iter().filter(|row| row.contains_key("StateVersion")).count(), 1);

    // To code whose orders have another state they are outdated, and a replay writes them again.
    let next = NEXT[1];
    let watch = Watch::default();
    let newer = next_replayer(&tables, next);
    run(&newer, plan(Purpose::Verify, Scope::Everything), &watch).await;
    assert_eq!(watch.differences.into_inner().unwrap().len(), 12);
    run(&newer, plan(Purpose::Rebuild, Scope::Everything), &Watch::default()).await;
    assert_eq!(formats(&tables).await, [next]);
    assert_rows_are_folds(&tables, &ids).await;
}

#[tokio::test]
async fn older_code_neither_overwrites_nor_passes_over_rows_of_newer_code() {
    for next in NEXT {
        let tables = Tables::new().await;
        let ids = orders(&tables, 3).await;
        let newer = next_replayer(&tables, next);
        run(&newer, plan(Purpose::Rebuild, Scope::Everything), &Watch::default()).await;
        let length = tables.store().version(&ids[0]).await.unwrap();
        append(&tables, &ids[0], length, &[added("late", 1)]).await;

        // Reported as newer, so that it is given once more until the newer code is there.
        let older = OrderSummaryProjection::new(tables.store(), rows(&tables, "OrderSummary"));
        let outcome = older.refresh(&ids[0]).await;
        assert!(matches!(outcome, Err(ProjectError::Newer(_))), "{outcome:?}");
        rebuild(&tables).await;
        assert_eq!(formats(&tables).await, [next]);

        let summaries = rows::<OrderSummaryRow>(&tables, "OrderSummary").with_format(next);
        let newer = OrderSummaryProjection::new(tables.store(), summaries.clone());
        newer.refresh(&ids[0]).await.unwrap();
        let row = summaries.order(ids[0].parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(row.version, length + 1);
    }
}

/// The scan may be behind a row that older code has moved on meanwhile: the row must not go back.
#[tokio::test]
async fn a_row_that_older_code_has_moved_on_is_folded_again() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("p", 1), submitted()]).await;
    rebuild(&tables).await;
    tables.proxy.inject("Scan", Fault::Alter(without_the_last_item));
    let whole = Plan {
        segments: 1,
        batch: 100,
        ..plan(Purpose::Rebuild, Scope::Everything)
    };
    run(&next_replayer(&tables, NEXT[0]), whole, &Watch::default()).await;
    assert_eq!(tables.proxy.pending_faults(), 0);
    assert_eq!(formats(&tables).await, [NEXT[0]]);
    assert_rows_are_folds(&tables, &[id]).await;
}

fn without_the_last_item(answer: &mut Value) {
    answer["Items"].as_array_mut().unwrap().pop();
}

/// As by a tool that is older than what is deployed.
#[tokio::test]
async fn a_row_is_not_taken_back_to_what_this_code_can_read() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("p", 1), submitted()]).await;
    rebuild(&tables).await;
    let before = [tables.items("OrderSummary").await, tables.rows("CustomerOrders").await];
    let mut newest = tables.items("EventStore").await;
    newest.retain(|item| item["Version"] == number(2));
    let mut unknown = newest.pop().unwrap();
    unknown.insert("EventVersion".to_owned(), number(9));
    put(&tables, "EventStore", unknown).await;
    rebuild(&tables).await;
    let after = [tables.items("OrderSummary").await, tables.rows("CustomerOrders").await];
    assert_eq!(before, after);
    let parked = tables.items("ParkedEvents").await;
    assert_eq!((parked.len(), &parked[0]["AggregateId"]), (1, &text(&id)));
}

/// Rows of newer code stay, also where this code would not have put them.
#[tokio::test]
async fn rows_of_newer_code_are_not_removed() {
    let tables = Tables::new().await;
    orders(&tables, 1).await;
    rebuild(&tables).await;
    let mut elsewhere = tables.rows("CustomerOrders").await.pop().unwrap();
    elsewhere.insert("OrderKey".to_owned(), text("a key of another form"));
    put(&tables, "CustomerOrders", elsewhere.clone()).await;
    elsewhere.insert("OrderKey".to_owned(), text("and of newer code"));
    elsewhere.insert("Generation".to_owned(), number(9));
    put(&tables, "CustomerOrders", elsewhere).await;
    assert_eq!(rebuild(&tables).await.counts.removed, 1);
    assert_eq!(tables.rows("CustomerOrders").await.len(), 2);
}

/// What a read model has of an order.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pinned {
    state_version: u32,
    row_version: u32,
    /// Each stored event, with a digest of what the read model has after it and all those before.
    rows: Vec<String>,
}

/// What rows hold after the stored events that domain's tests pin, in the order in which they fold them.
#[tokio::test]
async fn rows_that_hold_something_else_have_another_version() {
    let read = |path: &str| -> Value {
        let text = std::fs::read_to_string(project().join(path)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let pinned: BTreeMap<String, Pinned> = serde_json::from_value(read("tests/replay/rows.json")).unwrap();
    let states = read("shared/domain/tests/states.json");
    let id = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";
    let mut history = Vec::new();
    for line in states["Order"]["states"].as_array().unwrap() {
        let name = line.as_str().unwrap().split(' ').next().unwrap();
        let (event_type, version) = name.split_once(".v").unwrap();
        let recorded = Recorded {
            aggregate_id: id.to_owned(),
            aggregate_type: Order::TYPE.to_owned(),
            version: history.len() as u64 + 1,
            event_id: Uuid::nil(),
            timestamp: DateTime::from_timestamp(1_795_176_000, 0).unwrap(),
            metadata: metadata(),
            stored: StoredEvent {
                event_type: event_type.to_owned(),
                event_version: version.split('-').next().unwrap().parse().unwrap(),
                data: read(&format!("shared/domain/tests/stored_events/{name}.json")),
            },
        };
        history.push((name.to_owned(), recorded));
    }

    let tables = Tables::new().await;
    let mut found = BTreeMap::new();
    for model in read_models(&tables.environment("replay"), &tables.client).unwrap() {
        let name = model.name();
        let mut order = None;
        let mut format = None;
        let mut rows = Vec::new();
        for (event, recorded) in &history {
            let events = std::slice::from_ref(recorded);
            let (row, folded) = OrderSummaryRow::fold(id.parse::<OrderId>().unwrap(), order, events);
            folded.unwrap();
            let items = model.items(row.as_ref().unwrap()).unwrap();
            order = row;
            let mut items: Vec<Value> = items
                .into_iter()
                .map(|item| serde_dynamo::from_item(item).unwrap())
                .collect();
            for item in &mut items {
                let of_row: Format = serde_json::from_value(item.clone()).unwrap();
                let item = item.as_object_mut().unwrap();
                if item.remove("Generation").is_some() && item.remove("StateVersion").is_some() {
                    format = Some(of_row);
                }
            }
            let digest = fnv1a(&[json!(items).to_string().as_bytes()]);
            rows.push(format!("{event} {digest:016x}"));
        }
        let format = format.unwrap();
        let now = Pinned {
            state_version: format.state_version,
            row_version: format.row_version,
            rows,
        };
        if let Some(before) = pinned.get(name) {
            let is_raised = (now.state_version, now.row_version) > (before.state_version, before.row_version);
            assert!(
                now.rows.starts_with(&before.rows) || is_raised,
                "the rows of {name} hold something else: raise Order::STATE_VERSION if its test says so, and otherwise the \
                 ROW_VERSION of {name} to {}",
                before.row_version + 1
            );
        }
        found.insert(name.to_owned(), now);
    }
    let found_json = serde_json::to_string_pretty(&found).unwrap();
    assert_eq!(pinned, found, "write this to tests/replay/rows.json:\n{found_json}");
}

#[tokio::test]
async fn what_rows_hold() {
    let tables = Tables::new().await;
    let id = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";
    let store = tables
        .store()
        .with_clock(|| DateTime::from_timestamp(1_795_176_000, 0).unwrap());
    let events = [created([item("11", 2)]), added("42", 1), added("11", 1), submitted()];
    store.append::<Order>(id, 0, &events, &metadata()).await.unwrap();
    rebuild(&tables).await;
    let stored = async |table: &str| -> Value {
        let row = tables.rows(table).await.pop().unwrap();
        serde_dynamo::from_item(row).unwrap()
    };
    let line = |product_id: &str, quantity: u32| json!({ "product_id": product_id, "quantity": quantity, "unit_price": "14.00" });
    let time = "2026-11-20T12:00:00.000000Z";
    let order_key = format!("{time}#{id}");
    assert_eq!(
        stored("OrderSummary").await,
        json!({
            "StateVersion": Order::STATE_VERSION, "Generation": 2, "OrderId": id, "Version": 4, "CustomerId": "VINET", "Status": "submitted", "Currency": "USD",
            "TotalAmount": "56.00", "ItemCount": 2, "CreatedAt": time, "UpdatedAt": time,
            "OrderKey": order_key, "ListShard": "1", "StatusShard": "submitted#1",
            "Order": {
                "customer_id": "VINET", "status": "submitted", "currency": "USD", "tax": { "rate": "0" },
                "items": [line("11", 3), line("42", 1)],
                "shipping_address": { "street": "59 rue de l'Abbaye", "city": "Reims", "postal_code": "51100", "country": "France" },
                "payment_method_id": null, "confirmation_number": null, "payment": null, "shipment": null, "cancellation": null,
            },
        })
    );
    assert_eq!(
        stored("CustomerOrders").await,
        json!({
            "StateVersion": Order::STATE_VERSION, "Generation": 2, "CustomerId": "VINET", "OrderKey": order_key, "StatusKey": format!("submitted#{order_key}"),
            "OrderId": id, "Version": 4, "Status": "submitted", "Currency": "USD", "TotalAmount": "56.00", "ItemCount": 2,
            "CreatedAt": time, "UpdatedAt": time,
            "Counted": { "status#submitted": 1, "currency#USD": 1, "gross#USD": 56, "net#USD": 56 },
        })
    );
    assert_eq!(
        stored("DailyOrders").await,
        json!({
            "StateVersion": Order::STATE_VERSION, "Generation": 1, "DayShard": "2026-11-20#3", "Entry": format!("order#{order_key}"), "OrderId": id, "Version": 4,
            "CustomerId": "VINET", "Status": "submitted", "Currency": "USD", "TotalAmount": "56.00",
            "Mark": "customer#VINET", "Counted": { "orders": 1, "currency#USD": 1, "gross#USD": 56, "net#USD": 56 },
        })
    );
}

#[tokio::test]
async fn a_row_of_an_older_format_is_not_shown_but_folded_from_the_events() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[submitted()]).await;
    rebuild(&tables).await;
    let mut row = tables.items("OrderSummary").await.pop().unwrap();
    row.insert("Generation".to_owned(), number(0));
    row.insert("Status".to_owned(), text("of another format"));
    put(&tables, "OrderSummary", row).await;
    let summaries: OrderSummaries = rows(&tables, "OrderSummary");
    assert_eq!(summaries.order(id.parse().unwrap()).await.unwrap(), None);
    assert_eq!(verify(&tables).await.len(), 1);
    OrderSummaryProjection::new(tables.store(), summaries)
        .refresh(&id)
        .await
        .unwrap();
    assert_eq!(verify(&tables).await, []);
}

/// Until a replay has written it again. A new state version, for a field that nobody searches, must not empty the search.
#[tokio::test]
async fn the_search_shows_a_row_of_an_older_format_as_lists_do() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[submitted()]).await;
    rebuild(&tables).await;
    let mut row = tables.items("OrderSummary").await.pop().unwrap();
    row.insert("StateVersion".to_owned(), number(0));
    put(&tables, "OrderSummary", row).await;
    let found = get(&tables, "order-queries", "search-orders", "q=vinet").await;
    assert_eq!(found["data"][0]["order_id"], json!(id));
}
