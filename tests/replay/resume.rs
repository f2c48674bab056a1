//! A replay that is stopped, or whose process is killed, goes on where it was and has the same end.

use operations::{Purpose, ReplayError, Replayer, Scope, Status, Stop};

use super::{Watch, number, orders, plan, put, rebuild, replayer, text, unwrap_store, verify};
use crate::projections::{assert_rows_are_folds, order};
use crate::support::orders::added;
use crate::support::{Fault, Tables, until};

/// Stops after so many batches each time; returns how many runs it took, and how many orders were replayed.
async fn in_runs(tables: &Tables, replayer: &Replayer, batches: u32) -> (u32, u64) {
    let plan = plan(Purpose::Rebuild, Scope::Everything);
    let mut replay = replayer.create(plan, Status::Running).await.unwrap();
    loop {
        let stop = Stop::default();
        let watch = Watch {
            stop_after: Some((batches, stop.clone())),
            ..Watch::default()
        };
        replay = replayer.run(replay, &stop, &watch).await.unwrap();
        // As another process finds it.
        replay = replayer.replays().get(&replay.replay_id).await.unwrap().unwrap();
        if replay.status == Status::Done {
            assert_eq!(replay.counts.events, tables.items("EventStore").await.len() as u64);
            return (replay.run, replay.counts.orders);
        }
        replay = replayer
            .replays()
            .next_run(replay, Status::Running)
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn a_replay_that_is_stopped_again_and_again_ends_as_one_that_is_not() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 25).await;
    let (runs, replayed) = in_runs(&tables, &replayer(&tables), 3).await;
    assert!(runs > 2, "{runs}");
    assert_eq!(replayed, 25);
    assert_rows_are_folds(&tables, &ids).await;
}

#[tokio::test]
async fn a_process_whose_replay_was_taken_over_stops_and_does_not_set_it_back() {
    let tables = Tables::new().await;
    orders(&tables, 6).await;
    let replayer = replayer(&tables);
    let first = replayer
        .create(plan(Purpose::Rebuild, Scope::Everything), Status::Running)
        .await
        .unwrap();
    let second = replayer
        .replays()
        .next_run(first.clone(), Status::Running)
        .await
        .unwrap()
        .unwrap();
    // Two cannot take it over at once.
    assert_eq!(
        replayer
            .replays()
            .next_run(first.clone(), Status::Running)
            .await
            .unwrap(),
        None
    );

    let done = replayer.run(second, &Stop::default(), &Watch::default()).await.unwrap();
    let outcome = replayer.run(first, &Stop::default(), &Watch::default()).await;
    assert!(matches!(outcome, Err(ReplayError::TakenOver)), "{outcome:?}");
    assert_eq!(replayer.replays().get(&done.replay_id).await.unwrap(), Some(done));
}

#[tokio::test]
async fn a_passing_fault_is_waited_out_and_a_lasting_one_ends_the_run() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 6).await;
    for operation in ["Scan", "PutItem"] {
        // More often than the SDK repeats by itself.
        for _ in 0..4 {
            tables.proxy.inject(operation, Fault::Refuse("ThrottlingException"));
        }
    }
    // The first put is that of the replay itself, which nobody waits for.
    tables.proxy.take_operations();
    let replayer = replayer(&tables);
    let plan = plan(Purpose::Rebuild, Scope::Everything);
    let begun = loop {
        match replayer.create(plan.clone(), Status::Running).await {
            Ok(begun) => break begun,
            Err(error) => assert!(unwrap_store(error).to_string().contains("throttling")),
        }
    };
    replayer.run(begun, &Stop::default(), &Watch::default()).await.unwrap();
    assert_eq!(tables.proxy.pending_faults(), 0);
    assert_rows_are_folds(&tables, &ids).await;

    tables.proxy.inject("Scan", Fault::Refuse("AccessDeniedException"));
    let begun = replayer.create(plan, Status::Running).await.unwrap();
    let outcome = replayer.run(begun.clone(), &Stop::default(), &Watch::default()).await;
    assert!(matches!(outcome, Err(ReplayError::Store(_))), "{outcome:?}");
    let left = replayer.replays().get(&begun.replay_id).await.unwrap().unwrap();
    let done = replayer.run(left, &Stop::default(), &Watch::default()).await.unwrap();
    assert_eq!(done.status, Status::Done);
}

/// Orders of which one cannot be read to its end, and a row that no events account for.
async fn with_work_of_every_kind(tables: &Tables) -> Vec<String> {
    let ids = orders(tables, 2).await;
    let broken = order(tables, "VINET", &[added("p", 1)]).await;
    let mut items = tables.items("EventStore").await;
    items.retain(|item| item["AggregateId"] == text(&broken));
    let mut unknown = items.pop().unwrap();
    unknown.insert("Version".to_owned(), number(3));
    unknown.insert("EventType".to_owned(), text("OrderMisplaced"));
    put(tables, "EventStore", unknown).await;
    let extra = [("OrderId".to_owned(), text("no order"))];
    put(tables, "OrderSummary", extra.into_iter().collect()).await;
    ids
}

/// What a rebuild leaves of that.
async fn assert_rebuilt(tables: &Tables, ids: &[String], case: &str) {
    assert_eq!(tables.items("OrderSummary").await.len(), ids.len() + 1, "{case}");
    assert_eq!(tables.rows("CustomerOrders").await.len(), ids.len() + 1, "{case}");
    assert_eq!(tables.rows("DailyOrders").await.len(), ids.len() + 1, "{case}");
    assert_eq!(tables.items("ParkedEvents").await.len(), 1, "{case}");
    let differences = verify(tables).await;
    assert!(
        differences
            .iter()
            .all(|difference| difference.what.name() == "unreadable"),
        "{case}: {differences:?}"
    );
}

/// The process ends after each of its writes in turn: each row written or removed, each checkpoint, the parked entry.
#[tokio::test]
async fn a_replay_whose_process_is_killed_after_any_write_goes_on_from_its_last_checkpoint() {
    let tables = Tables::new().await;
    let ids = with_work_of_every_kind(&tables).await;
    tables.proxy.take_operations();
    rebuild(&tables).await;
    let operations = tables.proxy.take_operations();
    let count = |name: &str| operations.iter().filter(|operation| *operation == name).count();
    assert_eq!(count("DeleteItem"), 1);
    let writes = count("PutItem") + count("DeleteItem");
    assert!(writes > 14, "{writes}");
    assert_rebuilt(&tables, &ids, "undisturbed").await;

    // The creation is a write, too.
    for survived in 0..writes as u32 - 1 {
        let tables = Tables::new().await;
        let ids = with_work_of_every_kind(&tables).await;
        let replayer = replayer(&tables);
        let begun = replayer
            .create(plan(Purpose::Rebuild, Scope::Everything), Status::Running)
            .await
            .unwrap();
        tables.proxy.hang_after_writes(survived);
        let killed = tokio::spawn({
            let (replayer, begun) = (replayer.clone(), begun.clone());
            async move {
                replayer
                    .run(begun, &Stop::default(), &Watch::default())
                    .await
                    .map(|_| ())
            }
        });
        tables.proxy.until_hanging().await;
        killed.abort();
        assert!(killed.await.unwrap_err().is_cancelled());

        let left = replayer.replays().get(&begun.replay_id).await.unwrap().unwrap();
        if left.status != Status::Done {
            let next = replayer
                .replays()
                .next_run(left, Status::Running)
                .await
                .unwrap()
                .unwrap();
            let done = replayer.run(next, &Stop::default(), &Watch::default()).await.unwrap();
            assert_eq!(done.status, Status::Done);
        }
        assert_rebuilt(&tables, &ids, &format!("killed after write {survived}")).await;
    }
}

#[tokio::test]
async fn a_replay_that_waits_for_dynamodb_can_be_stopped() {
    let tables = Tables::new().await;
    orders(&tables, 3).await;
    let replayer = replayer(&tables);
    let begun = replayer
        .create(plan(Purpose::Rebuild, Scope::Everything), Status::Running)
        .await
        .unwrap();
    for _ in 0..1_000 {
        tables.proxy.inject("Scan", Fault::Refuse("ThrottlingException"));
    }
    let stop = Stop::default();
    let observer = Watch::default();
    let run = replayer.run(begun, &stop, &observer);
    let (left, ()) = futures::future::join(run, async {
        until("ten throttles", async || tables.proxy.pending_faults() <= 990).await;
        stop.now();
    })
    .await;
    assert_eq!(left.unwrap().status, Status::Running);
}
