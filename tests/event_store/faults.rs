//! Lost answers and errors that the embedded DynamoDB cannot produce by itself.

use domain::order::Order;
use dynamodb::TableError;
use event_store::{AppendError, EventStore, StoreError, Stream};

use crate::support::orders::{added, created, metadata, new_order_id, submitted};
use crate::support::{Fault, Tables};

async fn order_with_one_event(store: &EventStore) -> String {
    let id = new_order_id();
    store
        .append::<Order>(&id, 0, &[created([])], &metadata())
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_a_success_and_happens_once() {
    let tables = Tables::new().await;
    let store = tables.store();
    for fault in [Fault::LoseAnswer, Fault::AnswerWith500] {
        let id = order_with_one_event(&store).await;
        tables.proxy.take_operations();
        tables.proxy.inject("PutItem", fault.clone());

        let appended = store
            .append::<Order>(&id, 1, &[added("11", 1)], &metadata())
            .await
            .unwrap();
        // The put that was carried out, the SDK's second one that found our own event there, and what was stored.
        assert_eq!(
            tables.proxy.take_operations(),
            ["PutItem", "PutItem", "Query"],
            "{fault:?}"
        );
        assert_eq!(store.events(&id, 2, None).await.unwrap(), appended.events);
    }
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_a_success_and_happens_once() {
    let tables = Tables::new().await;
    let store = tables.store();
    for fault in [Fault::LoseAnswer, Fault::AnswerWith500] {
        let id = order_with_one_event(&store).await;
        tables.proxy.inject("TransactWriteItems", fault.clone());
        let events = [added("11", 1), submitted()];
        let appended = store.append::<Order>(&id, 1, &events, &metadata()).await.unwrap();
        assert_eq!(appended.events.len(), 2);
        assert_eq!(store.version(&id).await.unwrap(), 3, "{fault:?}");
        assert_eq!(tables.proxy.pending_faults(), 0);
    }
}

/// The answer is lost, and the SDK's repetition meets a transaction in progress: our event is found when the stream is
/// read on, and is not appended again.
#[tokio::test]
async fn our_own_event_is_recognised_when_the_stream_is_read_on() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = order_with_one_event(&store).await;
    let stream = store.load::<Order>(&id).await.unwrap();
    tables.proxy.inject("PutItem", Fault::LoseAnswer);
    tables
        .proxy
        .inject("PutItem", Fault::Refuse("TransactionConflictException"));

    let written = store
        .transact(stream, &metadata(), |_| Ok::<_, ()>(vec![added("11", 1)]))
        .await
        .unwrap();
    assert_eq!(written.stream.version, 2);
    assert_eq!(written.events.len(), 1);
    assert_eq!(store.version(&id).await.unwrap(), 2);
    assert_eq!(tables.proxy.pending_faults(), 0);
}

/// The answer is lost, and the SDK's repetitions are throttled: the command has had its effect all the same.
#[tokio::test]
async fn an_append_that_ends_in_a_throttle_after_a_lost_answer_is_a_success() {
    let tables = Tables::new().await;
    let store = tables.store();
    for last in [Fault::Refuse("ThrottlingException"), Fault::AnswerWith500] {
        let id = order_with_one_event(&store).await;
        let stream = store.load::<Order>(&id).await.unwrap();
        for fault in [Fault::LoseAnswer, last.clone(), last.clone()] {
            tables.proxy.inject("PutItem", fault);
        }
        let written = store
            .transact(stream, &metadata(), |_| Ok::<_, ()>(vec![added("11", 1)]))
            .await
            .unwrap();
        assert_eq!((written.stream.version, written.events.len()), (2, 1), "{last:?}");
        assert_eq!(store.version(&id).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_transaction_in_progress_passes() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = order_with_one_event(&store).await;
    let stream = store.load::<Order>(&id).await.unwrap();
    tables
        .proxy
        .inject("PutItem", Fault::Refuse("TransactionConflictException"));
    tables
        .proxy
        .inject("PutItem", Fault::Refuse("TransactionConflictException"));
    let written = store
        .transact(stream, &metadata(), |_| Ok::<_, ()>(vec![added("11", 1)]))
        .await
        .unwrap();
    assert_eq!(written.stream.version, 2);
}

/// What an append says when every request of it meets `fault`.
async fn append_error(operation: &'static str, fault: Fault) -> AppendError {
    let tables = Tables::new().await;
    let store = tables.store();
    // As often as the SDK may try.
    for _ in 0..3 {
        tables.proxy.inject(operation, fault.clone());
    }
    let events = match operation {
        "PutItem" => vec![created([])],
        _ => vec![created([]), submitted()],
    };
    let id = new_order_id();
    let error = store.append::<Order>(&id, 0, &events, &metadata()).await.unwrap_err();
    assert_eq!(store.version(&id).await.unwrap(), 0, "a refused append wrote something");
    error
}

#[tokio::test]
async fn each_refusal_of_a_put_is_its_own_error() {
    use AppendError::{Store, TransactionInProgress};
    let put = |code| append_error("PutItem", Fault::Refuse(code));
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    ] {
        assert!(
            matches!(put(code).await, Store(StoreError::Table(TableError::Throttled(_)))),
            "{code}"
        );
    }
    assert!(matches!(
        put("TransactionConflictException").await,
        TransactionInProgress
    ));
    assert!(matches!(
        put("ValidationException").await,
        Store(StoreError::Table(TableError::Rejected(_)))
    ));
    for code in ["AccessDeniedException", "ResourceNotFoundException"] {
        assert!(
            matches!(put(code).await, Store(StoreError::Table(TableError::Misconfigured(_)))),
            "{code}"
        );
    }
}

#[tokio::test]
async fn each_cancellation_reason_is_its_own_error() {
    use AppendError::{Conflict, Store, TransactionInProgress};
    let cancelled = |reasons| append_error("TransactWriteItems", Fault::Cancel(reasons));
    assert!(matches!(
        cancelled(&["None", "ConditionalCheckFailed"]).await,
        Conflict { .. }
    ));
    assert!(matches!(
        cancelled(&["TransactionConflict", "None"]).await,
        TransactionInProgress
    ));
    assert!(matches!(
        cancelled(&["None", "ThrottlingError"]).await,
        Store(StoreError::Table(TableError::Throttled(_)))
    ));
    assert!(matches!(
        cancelled(&["ProvisionedThroughputExceeded", "None"]).await,
        Store(StoreError::Table(TableError::Throttled(_)))
    ));
    assert!(matches!(
        cancelled(&["None", "ValidationError"]).await,
        Store(StoreError::Table(TableError::Rejected(_)))
    ));

    assert!(matches!(
        cancelled(&["AccessDenied", "None"]).await,
        Store(StoreError::Table(TableError::Misconfigured(_)))
    ));

    let refused = |code| append_error("TransactWriteItems", Fault::Refuse(code));
    assert!(matches!(
        refused("TransactionInProgressException").await,
        TransactionInProgress
    ));
    assert!(matches!(
        refused("ThrottlingException").await,
        Store(StoreError::Table(TableError::Throttled(_)))
    ));
}

#[tokio::test]
async fn a_store_that_stays_away_is_unavailable() {
    let tables = Tables::new().await;
    for _ in 0..3 {
        tables.proxy.inject("Query", Fault::LoseAnswer);
    }
    let loaded: Result<Stream<Order>, _> = tables.store().load(&new_order_id()).await;
    assert!(matches!(loaded, Err(StoreError::Table(TableError::Unavailable(_)))));
}
