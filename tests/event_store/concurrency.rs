//! Several writers on one stream.

use domain::Aggregate;
use domain::order::{Order, OrderEvent};
use event_store::{EventStore, Recorded, Stream, TransactError, Version};
use futures::future::join_all;
use uuid::Uuid;

use crate::support::Tables;
use crate::support::orders::{added, created, metadata, new_order_id, submitted};

/// A writer of one or two events, and what it believes the stream to be.
struct Writer {
    product: &'static str,
    events: u32,
    loaded: Option<Stream<Order>>,
    written: Option<(Uuid, Vec<Version>)>,
}

impl Writer {
    fn new(product: &'static str, events: u32) -> Self {
        Self {
            product,
            events,
            loaded: None,
            written: None,
        }
    }

    /// Its first step loads, its second appends.
    async fn step(&mut self, store: &EventStore, id: &str) {
        let Some(stream) = self.loaded.take() else {
            self.loaded = Some(store.load(id).await.unwrap());
            return;
        };
        let metadata = metadata();
        let transacted = store
            .transact(stream, &metadata, |_| {
                Ok::<_, ()>((0..self.events).map(|_| added(self.product, 1)).collect())
            })
            .await
            .unwrap();
        let versions = transacted.events.iter().map(|event| event.version).collect();
        self.written = Some((metadata.command_id, versions));
    }
}

#[tokio::test]
async fn two_writers_interleaved_at_every_point_lose_nothing_and_leave_no_gap() {
    let tables = Tables::new().await;
    let store = tables.store();
    // Which writer takes the next of its two steps, in all orders.
    let interleavings = [
        [0, 0, 1, 1],
        [0, 1, 0, 1],
        [0, 1, 1, 0],
        [1, 0, 0, 1],
        [1, 0, 1, 0],
        [1, 1, 0, 0],
    ];
    for steps in interleavings {
        for (first, second) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let id = new_order_id();
            store
                .append::<Order>(&id, 0, &[created([])], &metadata())
                .await
                .unwrap();
            let mut writers = [Writer::new("a", first), Writer::new("b", second)];
            for writer in steps {
                writers[writer].step(&store, &id).await;
            }

            let events = store.events(&id, 1, None).await.unwrap();
            assert_eq!(events.len() as u32, 1 + first + second, "{steps:?}");
            for writer in writers {
                let (command_id, versions) = writer.written.unwrap();
                let stored: Vec<_> = events
                    .iter()
                    .filter(|event| event.metadata.command_id == command_id)
                    .map(|event| event.version)
                    .collect();
                assert_eq!(stored, versions, "{steps:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_writer_that_lost_decides_again_on_the_new_state() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    store
        .append::<Order>(&id, 0, &[created([])], &metadata())
        .await
        .unwrap();
    let stale = store.load::<Order>(&id).await.unwrap();
    store
        .append::<Order>(&id, 1, &[added("11", 1), submitted()], &metadata())
        .await
        .unwrap();

    // Only an order that is still open takes items; the stale writer has to notice that it is not.
    let only_if_open = |order: &Stream<Order>| match order.state.as_ref().unwrap().status {
        domain::order::OrderStatus::Created => Ok(vec![added("42", 1)]),
        status => Err(status),
    };
    match store.transact(stale, &metadata(), only_if_open).await {
        Err(TransactError::Refused(status)) => assert_eq!(status.as_str(), "submitted"),
        other => panic!("expected a refusal, got {other:?}"),
    }
    assert_eq!(store.version(&id).await.unwrap(), 3);
}

#[tokio::test]
async fn a_conflict_is_resolved_without_reading_the_winner_again() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    store
        .append::<Order>(&id, 0, &[created([])], &metadata())
        .await
        .unwrap();
    let stale = store.load::<Order>(&id).await.unwrap();
    store
        .append::<Order>(&id, 1, &[added("a", 1)], &metadata())
        .await
        .unwrap();

    tables.proxy.take_operations();
    let written = store
        .transact(stale, &metadata(), |_| Ok::<_, ()>(vec![added("b", 1)]))
        .await
        .unwrap();
    assert_eq!(written.stream.version, 3);
    // The refused put, one query for what followed the winner, and the put that succeeds.
    assert_eq!(tables.proxy.take_operations(), ["PutItem", "Query", "PutItem"]);
}

#[tokio::test]
async fn sixteen_writers_at_once_each_write_once() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    store
        .append::<Order>(&id, 0, &[created([])], &metadata())
        .await
        .unwrap();
    let writers = (0..16).map(|_| async {
        let stream = store.load::<Order>(&id).await.unwrap();
        store
            .transact(stream, &metadata(), |_| Ok::<_, ()>(vec![added("11", 1)]))
            .await
    });
    for outcome in join_all(writers).await {
        outcome.unwrap();
    }

    let events = store.events(&id, 1, None).await.unwrap();
    assert_eq!(events.len(), 17);
    let order = fold(&events);
    assert_eq!(order.items[0].quantity.get(), 16);
}

fn fold(events: &[Recorded]) -> Order {
    let events: Vec<OrderEvent> = events
        .iter()
        .flat_map(|event| event.events::<Order>().unwrap())
        .collect();
    Order::fold(None, &events).unwrap()
}
