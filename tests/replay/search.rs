//! A replay finds what is wrong in the index of the search, and mends it.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::{OrderEvent, OrderItem};
use operations::progress::What;
use read_models::OrderSearch;
use read_models::ReadModel;
use read_models::read_model::Shown;

use super::{number, orders, put, rebuild, text, verify};
use crate::projections::{append, deliver_everything, folded, order};
use crate::support::orders::item;
use crate::support::samples::get;
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

/// Its row and postings as they were before words were made otherwise: each ideograph a word, numbers not joined, and terms not
/// packed.
async fn put_index_of_before(tables: &Tables, words: &[&str]) {
    let (rows, postings): (Vec<_>, Vec<_>) = tables
        .items("OrderSearch")
        .await
        .into_iter()
        .partition(|item| item.contains_key("Version"));
    let [mut row] = rows.try_into().unwrap();
    let end_of = |key: &str| postings[0][key].as_s().unwrap().rsplit_once('#').unwrap().1.to_owned();
    let (shard, version) = (end_of("Term"), end_of("Posting"));
    for posting in &postings {
        remove(tables, posting).await;
    }
    let id = row["OrderId"].as_s().unwrap().replace('-', "");
    let beginnings = |word: &str| -> Vec<String> {
        let letters: Vec<char> = word.chars().collect();
        let lengths = letters.len().min(3)..=letters.len().min(16);
        lengths.map(|length| letters[..length].iter().collect()).collect()
    };
    let terms: BTreeSet<String> = words
        .iter()
        .copied()
        .chain([id.as_str()])
        .flat_map(beginnings)
        .collect();
    for term in &terms {
        let mut posting = postings[0].clone();
        posting.insert("Term".to_owned(), text(&format!("{term}#{shard}")));
        put(tables, "OrderSearch", posting).await;
    }
    let terms: Vec<String> = terms.into_iter().collect();
    let terms = HashMap::from([(version, text(&terms.join(" ")))]);
    row.insert("Terms".to_owned(), AttributeValue::M(terms));
    row.insert("Generation".to_owned(), number(1));
    put(tables, "OrderSearch", row).await;
}

#[tokio::test]
async fn orders_that_were_indexed_before_are_found_as_before_and_by_their_new_words_after_a_replay() {
    let name = "Filter 10045378-22 京都の地図";
    let words = [
        "filter", "10045378", "22", "京", "都", "の", "地", "図", "vinet", "reims",
    ];
    for is_replayed in [true, false] {
        let tables = Tables::new().await;
        let named = OrderItem {
            product_name: Some(name.parse().unwrap()),
            ..item("1", 1)
        };
        let id = order(&tables, "VINET", &[named.clone().into()]).await;
        deliver_everything(&tables).await;
        let right = index(&tables).await;
        put_index_of_before(&tables, &words).await;
        let is_found = async |question: &str| {
            let query = format!("q={question}");
            let page = get(&tables, "order-queries", "search-orders", &query).await;
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .any(|row| row["order_id"] == *id)
        };
        for question in ["filter", "reims vin", &id, "10045378-22"] {
            assert!(is_found(question).await, "{question}");
        }
        assert!(!is_found("京都").await && !is_found("1004537822").await);
        if is_replayed {
            let outdated = verify(&tables).await;
            assert_eq!(
                outdated.iter().map(|found| found.what.name()).collect::<Vec<_>>(),
                ["outdated"]
            );
            rebuild(&tables).await;
            assert_eq!(index(&tables).await, right);
        } else {
            // What changes is written anew.
            let other = OrderItem {
                product_id: "2".parse().unwrap(),
                ..named
            };
            let changed = OrderItem {
                product_name: Some("Chai".parse().unwrap()),
                ..other
            };
            append(&tables, &id, 2, &[changed.into()]).await;
            deliver_everything(&tables).await;
            assert!(is_found("chai").await);
        }
        assert_eq!(verify(&tables).await, []);
        for question in ["京都", "1004537822", "10045378-22", "filter"] {
            assert!(is_found(question).await, "{question}");
        }
        let terms = tables.items("OrderSearch").await;
        assert!(!terms.iter().any(|item| item["Term"].as_s().unwrap().starts_with("京#")));
    }
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
