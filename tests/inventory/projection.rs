//! StockLevels: whatever comes twice, late or out of order, the rows are what folding the events gives.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Aggregate;
use domain::stock::{Stock, StockEvent};
use domain::text::Sku;
use messages::events::StockLevelChanged;
use messages::{Body, Message};
use read_models::stock_levels::StockLevelRow;
use uuid::Uuid;

use super::{order, pieces, received, record};
use crate::projections::deliver;
use crate::support::{Fault, Tables};

const PROJECTION: &str = "stock-levels-projection";

/// When a stock came to a version.
fn at(version: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(version as i64)
}

fn changed(sku: &Sku, version: u64, stock: &Stock) -> Message {
    let body = Body::StockLevelChanged(StockLevelChanged {
        sku: sku.clone(),
        on_hand: stock.on_hand,
        reserved: stock.reserved(),
        available: stock.available(),
        low_stock_threshold: stock.low_stock_threshold,
    });
    Message {
        aggregateversion: Some(version),
        ..Message::new(Uuid::now_v7(), format!("stock-{sku}"), at(version), body)
    }
}

/// What happens to the stock of some SKUs, told after each event; and the row of each in the end.
fn histories(random: &mut fastrand::Rng) -> (Vec<Message>, BTreeMap<Sku, StockLevelRow>) {
    let mut messages = Vec::new();
    let mut rows = BTreeMap::new();
    for number in 0..4 {
        let sku: Sku = format!("SKU {number}").parse().unwrap();
        let mut stock = None;
        for version in 1..=15 {
            let event = match random.u32(0..4) {
                0 => received(random.u32(0..9)),
                1 => StockEvent::LowStockThresholdSet {
                    threshold: pieces(random.u32(0..9)),
                },
                2 => StockEvent::StockReserved {
                    order_id: order(random.u32(0..5)),
                    quantity: pieces(1),
                    expires_at: None,
                },
                _ => StockEvent::StockAdjusted {
                    on_hand: pieces(random.u32(5..20)),
                    reason: None,
                },
            };
            stock = Stock::evolve(stock, &event);
            let stock = stock.as_ref().unwrap();
            messages.push(changed(&sku, version, stock));
            rows.insert(
                sku.clone(),
                StockLevelRow::new(sku.clone(), version, stock.into(), at(version)),
            );
        }
    }
    (messages, rows)
}

#[tokio::test]
async fn messages_shuffled_and_doubled_leave_the_rows_that_folding_gives() {
    let random = &mut fastrand::Rng::with_seed(11);
    for _ in 0..5 {
        let tables = Tables::new().await;
        let (messages, expected) = histories(random);
        let mut records: Vec<_> = messages.iter().chain(&messages).map(record).collect();
        random.shuffle(&mut records);
        for batch in records.chunks(10) {
            assert_eq!(deliver(&tables, PROJECTION, batch).await, [""; 0]);
        }
        let rows: Vec<StockLevelRow> = serde_dynamo::from_items(tables.items("StockLevels").await).unwrap();
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.sku.clone(), row)).collect();
        assert_eq!(rows, expected);
    }
}

#[tokio::test]
async fn a_row_that_was_not_written_is_written_when_the_message_comes_again() {
    let tables = Tables::new().await;
    let stock = Stock::evolve(None, &received(3)).unwrap();
    let [one, other] = ["a", "b"].map(|sku| changed(&sku.parse().unwrap(), 1, &stock));
    for _ in 0..3 {
        tables.proxy.inject("PutItem", Fault::Refuse("ThrottlingException"));
    }
    let records = [&one, &other].map(record);
    let mut missing = deliver(&tables, PROJECTION, &records[..1]).await;
    missing.extend(deliver(&tables, PROJECTION, &records[1..]).await);
    assert_eq!(missing, [one.id.to_string()]);
    assert_eq!(deliver(&tables, PROJECTION, &records[..1]).await, [""; 0]);
    assert_eq!(tables.items("StockLevels").await.len(), 2);
}

#[tokio::test]
async fn a_message_without_a_level_or_version_is_not_handled() {
    let tables = Tables::new().await;
    let stock = Stock::evolve(None, &received(3)).unwrap();
    let without_version = Message {
        aggregateversion: None,
        ..changed(&super::sku(), 1, &stock)
    };
    let other = super::message(1, super::release(1));
    let failed = deliver(&tables, PROJECTION, &[&without_version, &other].map(record)).await;
    assert_eq!(failed.len(), 2);
    assert_eq!(tables.items("StockLevels").await.len(), 0);
}
