//! A replay finds what is wrong in the index of the search, and mends it.

use domain::order::{OrderEvent, OrderItem};
use operations::progress::What;
use read_models::OrderSearch;
use read_models::ReadModel;
use read_models::read_model::Shown;

use super::{number, orders, put, rebuild, text, verify};
use crate::projections::{append, deliver_everything, folded, order};
use crate::support::orders::item;
use crate::support::{Item, Tables};

async fn remove(tables: &Tables, item: &Item) {
    let key = item
        .clone()
        .into_iter()
        .filter(|(name, _)| name == "Term" || name == "Posting");
    let delete = tables.dynamodb.delete_item().table_name("OrderSearch");
    delete.set_key(Some(key.collect())).send().await.unwrap();
}

/// Everything but what the rows say of how often they were written.
async fn index(tables: &Tables) -> Vec<String> {
    let mut items = Vec::new();
    for mut item in tables.items("OrderSearch").await {
        item.remove("Revision");
        let mut attributes: Vec<_> = item
            .into_iter()
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        attributes.sort_unstable();
        items.push(attributes.join(", "));
    }
    items.sort_unstable();
    items
}

/// A replay has folded the order as it was between two changes that live traffic has projected both.
#[tokio::test]
async fn a_replay_that_is_late_does_not_take_the_words_of_an_order_back() {
    let tables = Tables::new().await;
    let chai = || {
        OrderEvent::from(OrderItem {
            product_name: Some("Chai".parse().unwrap()),
            ..item("1", 1)
        })
    };
    let id = order(&tables, "VINET", &[chai()]).await;
    deliver_everything(&tables).await;
    let removed = OrderEvent::item_removed("1".parse().unwrap(), None);
    append(&tables, &id, 2, &[removed]).await;
    let between = folded(&tables, &id).await;
    append(&tables, &id, 3, &[chai()]).await;
    // Both at once: the words are those that the index has.
    deliver_everything(&tables).await;
    let search = OrderSearch::from_env(&tables.environment("replay"), tables.dynamodb.clone()).unwrap();
    let shown = ReadModel::show(&search, &between).await.unwrap();
    assert_eq!(shown, Shown::Newer(4));
    assert_eq!(verify(&tables).await, []);
}

#[tokio::test]
async fn postings_and_rows_that_are_lost_wrong_or_of_no_order_are_found_and_mended() {
    let tables = Tables::new().await;
    orders(&tables, 6).await;
    deliver_everything(&tables).await;
    let right = index(&tables).await;
    assert_eq!(verify(&tables).await, []);

    let (rows, postings): (Vec<_>, Vec<_>) = tables
        .items("OrderSearch")
        .await
        .into_iter()
        .partition(|item| item.contains_key("Version"));
    // A posting is gone; one is there that nobody has; one is of no order.
    let order_key = rows[3]["OrderKey"].as_s().unwrap();
    let of_order = |item: &&Item| item["Posting"].as_s().unwrap().starts_with(order_key.as_str());
    let [first, second, ..] = postings.iter().filter(of_order).collect::<Vec<_>>()[..] else {
        panic!("an order has many postings")
    };
    remove(&tables, first).await;
    let mut extra = second.clone();
    let place = extra["Posting"].as_s().unwrap().clone();
    extra.insert("Posting".to_owned(), text(&format!("{place}9")));
    put(&tables, "OrderSearch", extra.clone()).await;
    extra.insert("Posting".to_owned(), text("no order"));
    put(&tables, "OrderSearch", extra).await;
    // A row is gone, one cannot be read, one is of an order that there is not.
    remove(&tables, &rows[0]).await;
    let mut broken = rows[1].clone();
    broken.insert("Terms".to_owned(), number(1));
    put(&tables, "OrderSearch", broken).await;
    let mut other = rows[2].clone();
    other.insert("Term".to_owned(), text("=0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c"));
    other.insert("OrderId".to_owned(), text("0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c"));
    let order_key = "2026-11-20T12:00:00.000000Z#0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";
    other.insert("OrderKey".to_owned(), text(order_key));
    put(&tables, "OrderSearch", other).await;

    let found = verify(&tables).await;
    let count = |name: &str| found.iter().filter(|difference| difference.what.name() == name).count();
    assert_eq!(
        (count("missing"), count("outdated"), count("fields")),
        (1, 1, 1),
        "{found:?}"
    );
    // Also the postings of the two orders whose rows cannot tell of them.
    assert!(count("extra") > 3, "{found:?}");
    assert!(found.iter().all(|difference| difference.read_model == "order-search"));
    assert!(
        found
            .iter()
            .any(|difference| matches!(&difference.what, What::Extra(key) if key["Posting"] == "no order"))
    );

    rebuild(&tables).await;
    assert_eq!(verify(&tables).await, []);
    assert_eq!(index(&tables).await, right);
}
