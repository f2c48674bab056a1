//! What a command costs: DESIGN section 5, point 5. Counted from what DynamoDB reports and from the requests that
//! reach it.

use domain::order::Order;
use dynamodb::Cost;
use event_store::Stream;

use crate::support::Tables;
use crate::support::orders::{added, created, item, metadata, new_order_id, submitted};

#[tokio::test]
async fn creating_an_order_is_1_request_and_1_write_unit() {
    let tables = Tables::new().await;
    let store = tables.store();
    let order = Stream::<Order>::unborn(new_order_id());
    let created = store
        .transact(order, &metadata(), |_| Ok::<_, ()>(vec![created([item("11", 1)])]))
        .await
        .unwrap();

    assert_eq!(tables.proxy.take_operations(), ["PutItem"]);
    let expected = Cost {
        requests: 1,
        read_units: 0.0,
        write_units: 1.0,
        index_write_units: 1.0,
    };
    assert_eq!(created.stream.cost, expected);
}

#[tokio::test]
async fn another_event_on_up_to_4_kb_of_history_is_2_requests_1_read_unit_and_1_write_unit() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    let history = [
        created([item("11", 1)]),
        added("42", 1),
        added("72", 1),
        added("14", 2),
        added("51", 1),
    ];
    store.append::<Order>(&id, 0, &history, &metadata()).await.unwrap();

    tables.proxy.take_operations();
    let order = store.load::<Order>(&id).await.unwrap();
    let submitted = store
        .transact(order, &metadata(), |_| Ok::<_, ()>(vec![submitted()]))
        .await
        .unwrap();

    assert_eq!(tables.proxy.take_operations(), ["Query", "PutItem"]);
    let expected = Cost {
        requests: 2,
        read_units: 1.0,
        write_units: 1.0,
        index_write_units: 1.0,
    };
    assert_eq!(submitted.stream.cost, expected);
}

#[tokio::test]
async fn two_events_at_once_are_one_transaction_at_twice_the_price() {
    let tables = Tables::new().await;
    let store = tables.store();
    let order = Stream::<Order>::unborn(new_order_id());
    let written = store
        .transact(order, &metadata(), |_| {
            Ok::<_, ()>(vec![created([item("11", 1)]), submitted()])
        })
        .await
        .unwrap();
    assert_eq!(tables.proxy.take_operations(), ["TransactWriteItems"]);
    assert_eq!(written.stream.cost.requests, 1);
    assert_eq!(written.stream.cost.write_units, 4.0);
}
