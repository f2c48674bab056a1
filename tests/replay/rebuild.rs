//! A rebuild leaves the rows that folding the events gives, and nothing else.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Utc;
use domain::order::Order;
use futures::future::join;
use operations::{Plan, Purpose, ReplayError, Scope, Status, Stop};

use super::{Watch, number, orders, plan, put, rebuild, replay, text};
use crate::projections::{append, assert_rows_are_folds, deliver, deliver_everything, order, stream_records};
use crate::support::Tables;
use crate::support::orders::{added, created, item, metadata, submitted};

#[tokio::test]
async fn empty_tables_are_filled() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 23).await;
    let replay = rebuild(&tables).await;
    assert_rows_are_folds(&tables, &ids).await;
    assert_eq!((replay.counts.orders, replay.counts.written), (23, 92));
    assert_eq!(replay.counts.events, tables.items("EventStore").await.len() as u64);
    assert_eq!(replay.events_total, Some(replay.counts.events));
}

/// Most likely it is the wrong table.
#[tokio::test]
async fn an_empty_store_does_not_remove_the_rows_there_are() {
    let tables = Tables::new().await;
    put(
        &tables,
        "OrderSummary",
        [("OrderId".to_owned(), text("an order"))].into(),
    )
    .await;
    let replayer = super::replayer(&tables);
    let begun = replayer
        .create(plan(Purpose::Rebuild, Scope::Everything), Status::Running)
        .await
        .unwrap();
    let outcome = replayer.run(begun, &Stop::default(), &Watch::default()).await;
    assert!(matches!(outcome, Err(ReplayError::NoEvents)), "{outcome:?}");
    assert_eq!(tables.items("OrderSummary").await.len(), 1);
}

#[tokio::test]
async fn an_empty_store_leaves_empty_tables() {
    let tables = Tables::new().await;
    let replay = rebuild(&tables).await;
    assert_eq!(replay.counts, Default::default());
}

/// Until its row is there again, an order's postings are no row's, and would be removed.
#[tokio::test]
async fn rows_are_looked_at_only_once_all_segments_are_through_with_the_events() {
    let tables = Tables::new().await;
    orders(&tables, 9).await;
    tables.proxy.record();
    let plan = Plan {
        segments: 4,
        batch: 3,
        ..plan(Purpose::Rebuild, Scope::Everything)
    };
    replay(&tables, plan).await;
    let requests = tables.proxy.recorded();
    let scans = requests.iter().filter(|request| request.operation == "Scan");
    let of_events: Vec<_> = scans.map(|scan| scan.body["TableName"] == "EventStore").collect();
    let (events, rows) = of_events.split_at(of_events.iter().filter(|is_of_events| **is_of_events).count());
    assert!(events.iter().all(|is_of_events| *is_of_events), "{of_events:?}");
    assert!(events.len() > 4 && rows.len() > 4, "{of_events:?}");
}

#[tokio::test]
async fn rows_that_are_wrong_are_mended_and_rows_that_no_events_account_for_are_removed() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 9).await;
    rebuild(&tables).await;

    let mut summary = tables.items("OrderSummary").await;
    let mut row = summary.pop().unwrap();
    row.insert("TotalAmount".to_owned(), text("0.01"));
    put(&tables, "OrderSummary", row).await;
    let mut row = summary.pop().unwrap();
    row.remove("Order");
    put(&tables, "OrderSummary", row.clone()).await;
    row.insert("OrderId".to_owned(), text("0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c"));
    put(&tables, "OrderSummary", row.clone()).await;
    row.insert("OrderId".to_owned(), text("no order"));
    put(&tables, "OrderSummary", row).await;
    // The same order under another customer.
    let mut row = tables.rows("CustomerOrders").await.pop().unwrap();
    row.insert("CustomerId".to_owned(), text("somebody else"));
    put(&tables, "CustomerOrders", row).await;

    let replay = rebuild(&tables).await;
    assert_rows_are_folds(&tables, &ids).await;
    assert_eq!(replay.counts.removed, 3);
}

#[tokio::test]
async fn one_read_model_is_rebuilt_alone() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 5).await;
    let mut plan = plan(Purpose::Rebuild, Scope::Everything);
    plan.read_models = vec!["customer-orders".to_owned()];
    replay(&tables, plan).await;
    assert_eq!(tables.rows("CustomerOrders").await.len(), ids.len());
    assert!(tables.items("OrderSummary").await.is_empty());
}

#[tokio::test]
async fn one_order_is_rebuilt_alone() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 5).await;
    let scope = Scope::Order(ids[3].parse().unwrap());
    let (replay, _) = replay(&tables, plan(Purpose::Rebuild, scope)).await;
    assert_rows_are_folds(&tables, &ids[3..4]).await;
    assert_eq!(replay.counts.orders, 1);
}

#[tokio::test]
async fn orders_that_have_changed_since_a_moment_are_rebuilt_alone() {
    let tables = Tables::new().await;
    let old = orders(&tables, 12).await;
    let moment = Utc::now();
    let mut changed = vec![old[1].clone(), old[5].clone()];
    append(&tables, &old[1], 2, &[added("late", 1)]).await;
    append(&tables, &old[5], 1, &[added("late", 1), added("later", 1)]).await;
    changed.push(order(&tables, "VINET", &[submitted()]).await);

    let (replay, _) = replay(&tables, plan(Purpose::Rebuild, Scope::Since(moment))).await;
    assert_rows_are_folds(&tables, &changed).await;
    assert_eq!(replay.counts.orders, 3);
}

#[tokio::test]
async fn an_order_that_is_longer_than_any_page_is_rebuilt_in_one_piece() {
    let tables = Tables::new().await;
    let events: Vec<_> = (0..60).map(|n| added(&format!("p{n}"), 1)).collect();
    let ids = [
        order(&tables, "VINET", &events).await,
        order(&tables, "HANAR", &[submitted()]).await,
    ];
    rebuild(&tables).await;
    assert_rows_are_folds(&tables, &ids).await;
}

/// Rows have the same end whether a replay or the stream comes first.
#[tokio::test]
async fn live_traffic_goes_on_meanwhile() {
    let tables = Tables::new().await;
    let mut ids = orders(&tables, 40).await;
    let traffic = async {
        let mut new = Vec::new();
        for (n, old) in ids.iter().take(20).enumerate() {
            let id = order(&tables, "live", &[added("p", 1)]).await;
            append(&tables, &id, 2, &[added("q", 1)]).await;
            let length = tables.store().version(old).await.unwrap();
            // Some are submitted; the store knows no rules.
            append(&tables, old, length, &[added("r", 1)]).await;
            new.push(id);
            if n % 5 == 0 {
                let records = stream_records(&tables, "EventStore").await;
                assert_eq!(deliver(&tables, "order-summary-projection", &records).await, [""; 0]);
            }
        }
        new
    };
    let (new, _) = join(traffic, async {
        rebuild(&tables).await;
        rebuild(&tables).await;
    })
    .await;
    ids.extend(new);
    deliver_everything(&tables).await;
    assert_rows_are_folds(&tables, &ids).await;
}

#[tokio::test]
async fn an_order_whose_events_cannot_be_read_is_parked_and_the_others_are_rebuilt() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 4).await;
    let broken = order(&tables, "VINET", &[added("p", 1)]).await;
    let gapped = order(&tables, "VINET", &[]).await;
    let mut items = tables.items("EventStore").await;
    items.retain(|item| item["AggregateId"] == AttributeValue::S(broken.clone()));
    let mut unknown = items.pop().unwrap();
    unknown.insert("Version".to_owned(), number(3));
    unknown.insert("EventType".to_owned(), text("OrderMisplaced"));
    put(&tables, "EventStore", unknown.clone()).await;
    unknown.insert("AggregateId".to_owned(), text(&gapped));
    put(&tables, "EventStore", unknown.clone()).await;
    // Of another kind of aggregate, and of none.
    unknown.insert("AggregateId".to_owned(), text("stock-1"));
    unknown.insert("AggregateType".to_owned(), text("Stock"));
    unknown.insert("Version".to_owned(), number(1));
    put(&tables, "EventStore", unknown.clone()).await;
    unknown.insert("AggregateId".to_owned(), text("nonsense"));
    unknown.remove("EventId");
    put(&tables, "EventStore", unknown).await;

    let replay = rebuild(&tables).await;
    assert_eq!(replay.counts.unreadable, 3);
    let mut parked: Vec<_> = tables
        .items("ParkedEvents")
        .await
        .iter()
        .map(|entry| entry["AggregateId"].as_s().unwrap().clone())
        .collect();
    parked.sort_unstable();
    parked.dedup();
    let mut expected = vec![broken.clone(), gapped, "nonsense".to_owned()];
    expected.sort_unstable();
    assert_eq!(parked, expected);
    // As far as it can be read, as the live projection has it.
    let rows = tables.items("OrderSummary").await;
    let row = rows.iter().find(|row| row["OrderId"] == text(&broken)).unwrap();
    assert_eq!(row["Version"], number(2));
    assert_eq!(rows.len(), ids.len() + 1);
}

/// Integration events are not sent again: nothing is written to the event store, whose stream sends them.
#[tokio::test]
async fn a_replay_appends_nothing() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[submitted()]).await;
    tables
        .store()
        .append::<Order>(&id, 2, &[created([item("11", 1)])], &metadata())
        .await
        .unwrap();
    let before = stream_records(&tables, "EventStore").await;
    rebuild(&tables).await;
    assert_eq!(stream_records(&tables, "EventStore").await, before);
}
