//! Messages that ask for stock: each has its effect once, whatever else happens.

use chrono::{TimeDelta, Utc};
use domain::Aggregate;
use domain::stock::Stock;
use futures::future::join_all;
use messages::{Body, Message};
use serde_json::{Value, json};

use super::{commit, given, in_an_hour, message, received, record, release, reserve, sku, stock};
use crate::crash_points::{WRITES, invoke};
use crate::projections::deliver;
use crate::support::{Fault, Tables};

const COMMANDS: &str = "inventory-commands";

/// `on_hand` and `reserved`.
async fn level(tables: &Tables) -> (u32, u32) {
    let stock = stock(tables).await.state.unwrap();
    (stock.on_hand.get(), stock.reserved().get())
}

async fn handle(tables: &Tables, messages: &[Message]) {
    let records: Vec<_> = messages.iter().map(record).collect();
    assert_eq!(deliver(tables, COMMANDS, &records).await, [""; 0]);
}

#[tokio::test]
async fn stock_is_reserved_made_to_last_and_committed_for_an_order() {
    let tables = Tables::new().await;
    given(&tables, 0, &[received(10)]).await;
    let in_a_minute = Utc::now() + TimeDelta::minutes(1);
    let reserved = message(1, reserve(1, 4, Some(in_a_minute)));
    handle(&tables, std::slice::from_ref(&reserved)).await;
    assert_eq!(level(&tables).await, (10, 4));
    handle(&tables, &[message(2, reserve(1, 4, None)), message(3, commit(1, 4))]).await;
    assert_eq!(level(&tables).await, (6, 0));

    let events = tables
        .store()
        .events(&Stock::aggregate_id(&sku()), 1, None)
        .await
        .unwrap();
    assert_eq!(events.len(), 4);
    // Who asked for it, and by which message.
    let metadata = &events[1].metadata;
    assert_eq!(metadata.command_id, reserved.id);
    assert_eq!(metadata.causation_id, Some(reserved.id.to_string()));
    assert_eq!(metadata.user_id.as_deref(), Some("fulfilment"));
}

#[tokio::test]
async fn a_message_that_comes_twice_has_its_effect_once() {
    let tables = Tables::new().await;
    given(&tables, 0, &[received(10)]).await;
    let soon = Some(Utc::now() + TimeDelta::minutes(1));
    for (number, body) in [
        reserve(1, 4, soon),
        reserve(2, 9, soon),
        reserve(1, 4, None),
        release(3),
        commit(1, 4),
    ]
    .into_iter()
    .enumerate()
    {
        let message = message(number as u32, body);
        handle(&tables, &[message.clone(), message.clone()]).await;
        let version = stock(&tables).await.version;
        handle(&tables, &[message]).await;
        assert_eq!(stock(&tables).await.version, version);
    }
    assert_eq!((stock(&tables).await.version, level(&tables).await), (6, (6, 0)));
}

#[tokio::test]
async fn in_whatever_order_messages_come_stock_is_what_was_sold() {
    let asked = || {
        let soon = Some(Utc::now() + TimeDelta::minutes(1));
        [
            message(1, reserve(1, 2, soon)),
            message(2, reserve(1, 2, None)),
            message(3, commit(1, 2)),
            message(4, reserve(2, 3, soon)),
            message(5, release(2)),
        ]
    };
    let random = &mut fastrand::Rng::with_seed(7);
    for _ in 0..20 {
        let tables = Tables::new().await;
        given(&tables, 0, &[received(10)]).await;
        let mut messages: Vec<_> = asked().into_iter().chain(asked()).collect();
        random.shuffle(&mut messages);
        handle(&tables, &messages).await;
        assert_eq!(level(&tables).await, (8, 0), "{messages:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_at_once_get_the_last_pieces_once_each() {
    let tables = Tables::new().await;
    given(&tables, 0, &[received(10)]).await;
    let mut waiting: Vec<_> = (1..=16)
        .map(|number| message(number, reserve(number, 1, in_an_hour())))
        .collect();
    // Those that others were in the way of come again.
    while !waiting.is_empty() {
        let handled = join_all(waiting.iter().map(|message| async {
            let failed = deliver(&tables, COMMANDS, &[record(message)]).await;
            failed.is_empty()
        }));
        let mut handled = handled.await.into_iter();
        waiting.retain(|_| !handled.next().unwrap());
    }
    let events = tables
        .store()
        .events(&Stock::aggregate_id(&sku()), 1, None)
        .await
        .unwrap();
    let count = |name: &str| events.iter().filter(|event| event.stored.event_type == name).count();
    assert_eq!((count("StockReserved"), count("StockReservationRefused")), (10, 6));
    assert_eq!((events.len(), level(&tables).await), (17, (10, 10)));
}

#[tokio::test]
async fn what_cannot_be_done_now_comes_again_and_holds_up_nothing_else() {
    let tables = Tables::new().await;
    given(&tables, 0, &[received(10)]).await;
    let [first, second] = [1, 2].map(|number| message(number, reserve(number, 1, in_an_hour())));
    for _ in 0..3 {
        tables.proxy.inject("Query", Fault::Refuse("ThrottlingException"));
    }
    let failed = deliver(&tables, COMMANDS, &[record(&first), record(&second)]).await;
    assert_eq!(failed, [first.id.to_string()]);
    assert_eq!(level(&tables).await, (10, 1));
    for _ in 0..40 {
        tables
            .proxy
            .inject("PutItem", Fault::Refuse("ConditionalCheckFailedException"));
    }
    assert_eq!(
        deliver(&tables, COMMANDS, &[record(&first)]).await,
        [first.id.to_string()]
    );
    handle(&tables, &[first]).await;
    assert_eq!(level(&tables).await, (10, 2));
}

#[tokio::test]
async fn a_message_for_others_or_none_at_all_is_not_handled() {
    let tables = Tables::new().await;
    let other = Body::TimerDue(messages::commands::TimerDue {
        order_id: super::order(1),
        step: domain::fulfilment::Step::ReserveStock,
        due_at: Utc::now(),
    });
    let other = message(1, other);
    let mut unreadable = record(&message(2, release(1)));
    unreadable["body"] = json!("{}");
    let failed = deliver(&tables, COMMANDS, &[record(&other), unreadable]).await;
    assert_eq!(failed.len(), 2);
    assert_eq!(tables.items("EventStore").await.len(), 0);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_no_second_reservation() {
    for fault in [Fault::LoseAnswer, Fault::AnswerWith500] {
        let tables = Tables::new().await;
        given(&tables, 0, &[received(10)]).await;
        tables.proxy.inject("PutItem", fault);
        handle(&tables, &[message(1, reserve(1, 4, in_an_hour()))]).await;
        assert_eq!((stock(&tables).await.version, level(&tables).await), (2, (10, 4)));
    }
}

/// What is asked for, one batch after the other.
async fn work(tables: &Tables) -> Vec<(u64, String, Value)> {
    given(tables, 0, &[received(5)]).await;
    let expired = Some(Utc::now() - TimeDelta::minutes(1));
    for batch in [
        vec![
            message(1, reserve(1, 2, in_an_hour())),
            message(2, reserve(2, 2, expired)),
        ],
        vec![message(3, commit(1, 2))],
        // Releases what has expired, in the same append.
        vec![
            message(4, reserve(3, 3, in_an_hour())),
            message(5, reserve(4, 1, in_an_hour())),
        ],
        vec![message(6, release(3)), message(7, commit(2, 1))],
    ] {
        let records: Vec<_> = batch.iter().map(record).collect();
        let answer = invoke(tables, COMMANDS, &json!({ "Records": records })).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    let events = tables
        .store()
        .events(&Stock::aggregate_id(&sku()), 1, None)
        .await
        .unwrap();
    let event = |event: event_store::Recorded| {
        let mut data = event.stored.data;
        if data["expires_at"].is_string() {
            data["expires_at"] = json!("then");
        }
        (event.version, event.stored.event_type, data)
    };
    events.into_iter().map(event).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_after_any_write_leaves_the_stock_that_one_that_lives_leaves() {
    let undisturbed = Tables::new().await;
    let expected = work(&undisturbed).await;
    assert_eq!(level(&undisturbed).await, (2, 0));
    let operations = undisturbed.proxy.take_operations();
    let writes = operations
        .iter()
        .filter(|operation| WRITES.contains(&operation.as_str()));
    let writes = writes.count() as u32;
    // The first is not the function's.
    for survived in 1..writes {
        let tables = Tables::new().await;
        tables.proxy.hang_after_writes(survived);
        assert_eq!(work(&tables).await, expected, "killed after write {survived}");
    }
}

/// With all that it remembers.
#[tokio::test]
async fn a_snapshot_of_a_stock_is_the_stock() {
    let tables = Tables::new().await;
    given(&tables, 0, &[received(1_000)]).await;
    for number in 1..=50 {
        let soon = Some(Utc::now() + TimeDelta::minutes(1));
        let mut messages = vec![message(number, reserve(number, 3, soon))];
        match number % 3 {
            0 => messages.push(message(1_000 + number, commit(number, 3))),
            1 => messages.push(message(1_000 + number, release(number))),
            _ => {}
        }
        handle(&tables, &messages).await;
    }
    let folded = stock(&tables).await;
    let every = "Stock:20".parse().unwrap();
    let store = tables
        .store()
        .with_snapshots(event_store::Snapshots::new("Snapshots", every));
    let loaded = store.load::<Stock>(&Stock::aggregate_id(&sku())).await.unwrap();
    assert_eq!((loaded.version, loaded.state), (folded.version, folded.state));
    assert_eq!(tables.items("Snapshots").await.len(), 1);
    // A short end of the stream, and the snapshot.
    assert_eq!(loaded.cost.requests, 2);
}
