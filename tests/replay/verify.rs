//! A dry run finds every row that is not what the events say, and writes nothing.

use domain::order::OrderEvent;
use operations::progress::What;
use operations::{Purpose, Scope};
use read_models::read_model::FieldDifference;
use serde_json::json;

use super::{number, orders, plan, put, rebuild, replay, text, verify};
use crate::projections::{append, deliver_everything, order};
use crate::support::orders::{added, submitted};
use crate::support::{Tables, until};

#[tokio::test]
async fn rows_that_are_right_do_not_differ() {
    let tables = Tables::new().await;
    orders(&tables, 12).await;
    rebuild(&tables).await;
    assert_eq!(verify(&tables).await, []);
}

#[tokio::test]
async fn rows_of_the_live_projections_do_not_differ() {
    let tables = Tables::new().await;
    orders(&tables, 12).await;
    deliver_everything(&tables).await;
    assert_eq!(verify(&tables).await, []);
}

#[tokio::test]
async fn each_way_of_being_wrong_is_found_and_nothing_is_written() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 4).await;
    rebuild(&tables).await;
    let row = async |table: &str, id: &str| {
        let rows = tables.rows(table).await;
        rows.into_iter().find(|row| row["OrderId"] == text(id)).unwrap()
    };
    // Another total, deep within and outside.
    let mut wrong = row("OrderSummary", &ids[0]).await;
    wrong.insert("TotalAmount".to_owned(), text("0.01"));
    put(&tables, "OrderSummary", wrong).await;
    // Gone.
    let gone = row("CustomerOrders", &ids[1]).await;
    let key = gone
        .clone()
        .into_iter()
        .filter(|(name, _)| name == "CustomerId" || name == "OrderKey");
    let delete = tables.dynamodb.delete_item().table_name("CustomerOrders");
    delete.set_key(Some(key.collect())).send().await.unwrap();
    // At a version that the order does not have.
    let mut ahead = row("CustomerOrders", &ids[2]).await;
    ahead.insert("Version".to_owned(), number(99));
    put(&tables, "CustomerOrders", ahead).await;
    // Cannot be read.
    let mut broken = row("OrderSummary", &ids[3]).await;
    broken.insert("Status".to_owned(), text("lost"));
    put(&tables, "OrderSummary", broken).await;
    // Of no order.
    let mut extra = row("OrderSummary", &ids[0]).await;
    extra.insert("OrderId".to_owned(), text("0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c"));
    put(&tables, "OrderSummary", extra).await;

    let before = [tables.items("OrderSummary").await, tables.items("CustomerOrders").await];
    let mut found: Vec<_> = verify(&tables)
        .await
        .into_iter()
        .map(|difference| (difference.read_model, difference.order_id, difference.what))
        .collect();
    found.sort_by_key(|(read_model, order_id, what)| (read_model.clone(), what.name(), order_id.clone()));
    let [missing, totals, version, extra, fields, outdated] = found.try_into().unwrap();
    assert_eq!(missing, ("customer-orders".to_owned(), ids[1].clone(), What::Missing));
    let customer = What::Totals("customer 1".to_owned());
    assert_eq!(totals, ("customer-orders".to_owned(), String::new(), customer));
    assert_eq!(
        version,
        (
            "customer-orders".to_owned(),
            ids[2].clone(),
            What::Version { expected: 3, found: 99 }
        )
    );
    assert!(matches!(extra.2, What::Extra(_)), "{extra:?}");
    assert_eq!(outdated, ("order-summary".to_owned(), ids[3].clone(), What::Outdated));
    let difference = FieldDifference {
        path: "TotalAmount".to_owned(),
        expected: json!("0.00"),
        found: json!("0.01"),
    };
    assert_eq!(
        fields,
        (
            "order-summary".to_owned(),
            ids[0].clone(),
            What::Fields(vec![difference])
        )
    );
    let after = [tables.items("OrderSummary").await, tables.items("CustomerOrders").await];
    assert_eq!(before, after);
    assert!(tables.items("ParkedEvents").await.is_empty());

    rebuild(&tables).await;
    assert_eq!(verify(&tables).await, []);
}

#[tokio::test]
async fn a_row_that_is_moments_behind_is_waited_for() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("p", 1)]).await;
    rebuild(&tables).await;
    let event: [OrderEvent; 1] = [submitted()];
    append(&tables, &id, 2, &event).await;
    let late = async {
        let looks = || tables.proxy.take_operations().contains(&"GetItem".to_owned());
        until("a look at a row", async || looks()).await;
        deliver_everything(&tables).await;
    };
    let (differences, ()) = futures::future::join(verify(&tables), late).await;
    assert_eq!(differences, []);
}

#[tokio::test]
async fn one_order_is_verified_alone() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 3).await;
    rebuild(&tables).await;
    let mut wrong = tables.items("OrderSummary").await;
    for row in &mut wrong {
        row.insert("CustomerId".to_owned(), text("?"));
        put(&tables, "OrderSummary", row.clone()).await;
    }
    let scope = Scope::Order(ids[1].parse().unwrap());
    let (_, differences) = replay(&tables, plan(Purpose::Verify, scope)).await;
    let found: Vec<_> = differences.iter().map(|difference| &difference.order_id).collect();
    assert_eq!(found, [&ids[1]]);
}
