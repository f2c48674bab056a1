//! However the records come, the rows end as the fold of the events.

use domain::order::{Order, OrderEvent};
use domain::{Idempotency, Metadata};
use proptest::prelude::*;
use proptest::sample::Index;
use read_models::OrderSummaryRow;
use serde_json::Value;

use super::{append, assert_rows_are_folds, deliver, deliver_everything, folded, order, rows, stream_records};
use crate::support::Tables;
use crate::support::orders::{added, item, metadata, submitted};

/// How the records of a stream are delivered.
#[derive(Debug, Clone)]
struct Delivery {
    /// Any records in any order, most of them several times; the others are withheld.
    first: Vec<Index>,
    /// Sizes of the batches, over and over.
    batches: Vec<usize>,
    /// The order in which all records come at last, the withheld ones for the first time.
    last: Vec<Index>,
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (
        prop::collection::vec(any::<Index>(), 0..40),
        prop::collection::vec(1..7_usize, 1..4),
        prop::collection::vec(any::<Index>(), 60),
    )
        .prop_map(|(first, batches, last)| Delivery { first, batches, last })
}

/// An order's customer, and how many events it has before and after the first delivery.
fn history() -> impl Strategy<Value = (u8, usize, usize)> {
    (0..3_u8, 0..5_usize, 0..4_usize)
}

impl Delivery {
    fn first(&self, records: &[Value]) -> Vec<Value> {
        if records.is_empty() {
            return Vec::new();
        }
        self.first.iter().map(|index| index.get(records).clone()).collect()
    }

    /// Every record once, shuffled.
    fn last(&self, records: &[Value]) -> Vec<Value> {
        let mut left = records.to_vec();
        let mut shuffled = Vec::with_capacity(left.len());
        for index in self.last.iter().cycle() {
            if left.is_empty() {
                break;
            }
            shuffled.push(left.swap_remove(index.index(left.len())));
        }
        shuffled
    }

    async fn deliver(&self, tables: &Tables, binary: &str, records: &[Value]) {
        let mut rest = records;
        for size in self.batches.iter().cycle() {
            if rest.is_empty() {
                return;
            }
            let (batch, after) = rest.split_at((*size).min(rest.len()));
            assert_eq!(deliver(tables, binary, batch).await, [""; 0]);
            rest = after;
        }
    }
}

fn event(n: usize) -> OrderEvent {
    match n % 3 {
        2 => OrderEvent::item_removed(item("p1", 1).product_id, None),
        n => added(&format!("p{n}"), 1 + n as u32),
    }
}

async fn check(histories: Vec<(u8, usize, usize)>, summary: Delivery, derived: Delivery) {
    let tables = Tables::new().await;
    let mut orders = Vec::new();
    for (customer, before, _) in &histories {
        let events: Vec<_> = (0..*before).map(event).collect();
        orders.push(order(&tables, &format!("customer {customer}"), &events).await);
    }
    let early = stream_records(&tables, "EventStore").await;
    summary
        .deliver(&tables, "order-summary-projection", &summary.first(&early))
        .await;

    for (id, (_, before, after)) in orders.iter().zip(&histories) {
        let events: Vec<_> = (0..*after).map(event).chain([submitted()]).collect();
        append(&tables, id, 1 + *before as u64, &events).await;
    }
    let all = stream_records(&tables, "EventStore").await;
    summary
        .deliver(&tables, "order-summary-projection", &summary.last(&all))
        .await;

    let changes = stream_records(&tables, "OrderSummary").await;
    for projection in ["customer-orders-projection", "order-index-projection"] {
        derived.deliver(&tables, projection, &derived.first(&changes)).await;
        derived.deliver(&tables, projection, &derived.last(&changes)).await;
    }

    assert_rows_are_folds(&tables, &orders).await;
    assert!(tables.items("ParkedEvents").await.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn shuffled_duplicated_batched_and_withheld_records_end_in_the_fold_of_the_events(
        histories in prop::collection::vec(history(), 1..5),
        summary in delivery(),
        derived in delivery(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(check(histories, summary, derived));
    }
}

#[tokio::test]
async fn a_record_whose_predecessors_were_lost_brings_the_whole_order() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("11", 1), added("42", 1), submitted()]).await;
    let last = stream_records(&tables, "EventStore").await.pop().unwrap();
    deliver(&tables, "order-summary-projection", &[last]).await;
    assert_eq!(
        rows::<OrderSummaryRow>(&tables, "OrderSummary").await,
        [folded(&tables, &id).await]
    );
}

#[tokio::test]
async fn an_old_record_does_not_take_a_row_back() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("11", 1)]).await;
    let records = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &records).await;
    append(&tables, &id, 2, &[submitted()]).await;
    deliver(
        &tables,
        "order-summary-projection",
        &stream_records(&tables, "EventStore").await,
    )
    .await;
    let changes = stream_records(&tables, "OrderSummary").await;
    assert_eq!(changes.len(), 2);

    deliver(&tables, "order-summary-projection", &records[..1]).await;
    for projection in ["customer-orders-projection", "order-index-projection"] {
        deliver(&tables, projection, &changes[1..]).await;
        deliver(&tables, projection, &changes[..1]).await;
    }
    assert_rows_are_folds(&tables, &[id]).await;
}

/// A request that changed nothing leaves an event of any aggregate.
#[tokio::test]
async fn an_event_that_changes_nothing_changes_no_row() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("p", 2)]).await;
    deliver_everything(&tables).await;
    let before = rows::<OrderSummaryRow>(&tables, "OrderSummary").await;
    let keyed = Metadata {
        idempotency: Some(Idempotency {
            key: "k".to_owned(),
            request_hash: "h".to_owned(),
        }),
        ..metadata()
    };
    let appended = tables.store().append::<Order>(&id, 2, &[], &keyed).await.unwrap();
    assert_eq!(appended.events[0].stored.event_type, "NothingChanged");
    deliver_everything(&tables).await;
    assert_eq!(rows::<OrderSummaryRow>(&tables, "OrderSummary").await, before);
    assert_rows_are_folds(&tables, std::slice::from_ref(&id)).await;

    tables
        .store()
        .append::<Order>(&id, 3, &[submitted()], &metadata())
        .await
        .unwrap();
    deliver_everything(&tables).await;
    let after = rows::<OrderSummaryRow>(&tables, "OrderSummary").await;
    assert_eq!((after[0].version, after[0].status.as_str()), (4, "submitted"));
    assert_rows_are_folds(&tables, &[id]).await;
}
