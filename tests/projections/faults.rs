//! A passing fault is reported as a partial batch failure, and delivering again mends it.

use read_models::OrderSummaryRow;

use super::{assert_rows_are_folds, deliver, deliver_everything, order, rows, stream_records};
use crate::support::orders::submitted;
use crate::support::{Fault, Tables};

#[tokio::test]
async fn what_a_throttle_left_undone_is_asked_for_again() {
    for operation in ["GetItem", "Query", "PutItem"] {
        let tables = Tables::new().await;
        let id = order(&tables, "VINET", &[submitted()]).await;
        let records = stream_records(&tables, "EventStore").await;
        for _ in 0..3 {
            tables.proxy.inject(operation, Fault::Refuse("ThrottlingException"));
        }

        let first = records[0]["dynamodb"]["SequenceNumber"].as_str().unwrap();
        assert_eq!(
            deliver(&tables, "order-summary-projection", &records).await,
            [first],
            "{operation}"
        );
        assert!(rows::<OrderSummaryRow>(&tables, "OrderSummary").await.is_empty());
        assert!(
            tables.items("ParkedEvents").await.is_empty(),
            "a passing fault must not park"
        );

        assert_eq!(deliver(&tables, "order-summary-projection", &records).await, [""; 0]);
        let changes = stream_records(&tables, "OrderSummary").await;
        for _ in 0..3 {
            let fault = Fault::Refuse("ProvisionedThroughputExceededException");
            tables.proxy.inject("TransactWriteItems", fault);
        }
        assert_eq!(deliver(&tables, "customer-orders-projection", &changes).await.len(), 1);
        deliver_everything(&tables).await;
        assert_rows_are_folds(&tables, &[id]).await;
    }
}

#[tokio::test]
async fn a_row_whose_answer_was_lost_is_written_once_and_right() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;
    tables.proxy.inject("PutItem", Fault::LoseAnswer);
    assert_eq!(deliver(&tables, "order-summary-projection", &records).await, [""; 0]);
    for fault in [Fault::LoseAnswer, Fault::AnswerWith500] {
        tables.proxy.inject("TransactWriteItems", fault);
    }
    deliver_everything(&tables).await;
    assert_eq!(tables.proxy.pending_faults(), 0);
    assert_rows_are_folds(&tables, &[id]).await;
}

#[tokio::test]
async fn an_event_that_cannot_even_be_parked_is_delivered_again() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[]).await;
    let mut records = stream_records(&tables, "EventStore").await;
    records[0]["dynamodb"]["Keys"]["AggregateId"]["S"] = serde_json::json!("stock-42");
    for _ in 0..3 {
        tables.proxy.inject("PutItem", Fault::Refuse("ThrottlingException"));
    }
    assert_eq!(deliver(&tables, "order-summary-projection", &records).await.len(), 1);
    assert_eq!(deliver(&tables, "order-summary-projection", &records).await, [""; 0]);
    assert_eq!(tables.items("ParkedEvents").await.len(), 1, "{id}");
}
