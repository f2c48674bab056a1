//! A replay counts the totals again from the rows, and finds those that are wrong.

use futures::future::join;
use operations::progress::What;
use read_models::customer_orders::CustomerOrderRow;
use read_models::daily_orders::DailyOrderRow;

use super::{number, orders, put, rebuild, text, verify};
use crate::projections::{assert_rows_are_folds, deliver_everything, wrong_totals};
use crate::support::{Item, Tables, is_row};

async fn totals(tables: &Tables, table: &str) -> Vec<Item> {
    let mut items = tables.items(table).await;
    items.retain(|item| item.contains_key("Revision"));
    items
}

async fn remove(tables: &Tables, table: &str, item: &Item, key: [&str; 2]) {
    let key = item
        .clone()
        .into_iter()
        .filter(|(name, _)| key.contains(&name.as_str()));
    let delete = tables.dynamodb.delete_item().table_name(table);
    delete.set_key(Some(key.collect())).send().await.unwrap();
}

#[tokio::test]
async fn wrong_totals_and_marks_are_found_and_mended() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 9).await;
    deliver_everything(&tables).await;
    let days = ["DayShard", "Entry"];
    let customers = totals(&tables, "CustomerOrders").await;
    // Too much; gone; of a customer who has no orders.
    let mut wrong = customers[0].clone();
    wrong.insert("gross#USD".to_owned(), number(1));
    put(&tables, "CustomerOrders", wrong.clone()).await;
    remove(&tables, "CustomerOrders", &customers[1], ["CustomerId", "OrderKey"]).await;
    wrong.insert("CustomerId".to_owned(), text("nobody"));
    put(&tables, "CustomerOrders", wrong).await;
    // A mark that is gone, and one of a customer who ordered nothing that day.
    let marks = tables.items("DailyOrders").await;
    let mark = marks.iter().find(|item| item.len() == 2).unwrap().clone();
    remove(&tables, "DailyOrders", &mark, days).await;
    let mut extra = mark.clone();
    extra.insert("Entry".to_owned(), text("customer#nobody"));
    put(&tables, "DailyOrders", extra).await;

    let mut found = Vec::new();
    for difference in verify(&tables).await {
        let What::Totals(partition) = difference.what else {
            panic!("{difference:?}")
        };
        found.push((difference.read_model, partition));
    }
    found.sort_unstable();
    let partition = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
    let mut expected = vec![
        ("customer-orders".to_owned(), partition(&customers[0], "CustomerId")),
        ("customer-orders".to_owned(), partition(&customers[1], "CustomerId")),
        ("customer-orders".to_owned(), "nobody".to_owned()),
        ("daily-orders".to_owned(), partition(&mark, "DayShard")),
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);

    rebuild(&tables).await;
    assert_eq!(verify(&tables).await, []);
    assert_rows_are_folds(&tables, &ids).await;
}

/// All rows and totals are gone, but the marks are not.
#[tokio::test]
async fn rows_that_are_lost_are_counted_again() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 9).await;
    deliver_everything(&tables).await;
    for (table, key) in [
        ("CustomerOrders", ["CustomerId", "OrderKey"]),
        ("DailyOrders", ["DayShard", "Entry"]),
    ] {
        for item in tables.items(table).await {
            if is_row(&item) || item.contains_key("Revision") {
                remove(&tables, table, &item, key).await;
            }
        }
    }
    rebuild(&tables).await;
    assert_rows_are_folds(&tables, &ids).await;
}

#[tokio::test]
async fn totals_are_right_also_when_they_change_while_they_are_counted_again() {
    let tables = Tables::new().await;
    let mut ids = orders(&tables, 12).await;
    deliver_everything(&tables).await;
    for mut wrong in totals(&tables, "CustomerOrders").await {
        wrong.insert("gross#USD".to_owned(), number(1));
        put(&tables, "CustomerOrders", wrong).await;
    }
    let traffic = async {
        let new = orders(&tables, 12).await;
        deliver_everything(&tables).await;
        new
    };
    let (new, _) = join(traffic, rebuild(&tables)).await;
    ids.extend(new);
    deliver_everything(&tables).await;
    assert_rows_are_folds(&tables, &ids).await;
    assert_eq!(
        wrong_totals::<CustomerOrderRow>(tables.items("CustomerOrders").await),
        [""; 0]
    );
    assert_eq!(
        wrong_totals::<DailyOrderRow>(tables.items("DailyOrders").await),
        [""; 0]
    );
}
