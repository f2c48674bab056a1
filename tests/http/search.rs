//! The search: every word of an order is found by its beginnings, and nothing that it no longer has.

use std::collections::BTreeSet;

use domain::order::{Order, OrderEvent, OrderItem};
use event_store::Recorded;
use futures::future::join_all;
use serde_json::Value;

use crate::projections::{append, deliver, deliver_everything, stream_records};
use crate::support::orders::{item, metadata, new_order_id, terms};
use crate::support::samples::get;
use crate::support::{Api, Fault, Tables};

fn named(product_id: &str, name: &str) -> OrderItem {
    OrderItem {
        product_name: Some(name.parse().unwrap()),
        ..item(product_id, 1)
    }
}

/// An order of `customer` that goes to `city`.
async fn order(tables: &Tables, customer: &str, city: &str, items: &[OrderItem]) -> String {
    let mut terms = terms();
    terms.customer_id = customer.parse().unwrap();
    terms.shipping_address.city = city.parse().unwrap();
    let id = new_order_id();
    let event = OrderEvent::OrderCreated {
        terms,
        items: items.to_vec(),
    };
    let appended = tables.store().append::<Order>(&id, 0, &[event], &metadata()).await;
    let _: Vec<Recorded> = appended.unwrap().events;
    id
}

/// The ids of the orders that a question finds, over all its pages.
async fn found(tables: &Tables, question: &str, page_size: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("q={question}&page_size={page_size}{cursor}");
        let page = get(tables, "order-queries", "search-orders", &query).await;
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= page_size);
        ids.extend(data.iter().map(|row| row["order_id"].as_str().unwrap().to_owned()));
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return ids,
        }
    }
}

#[tokio::test]
async fn an_order_is_found_by_the_beginning_of_each_of_its_words_and_by_all_of_several() {
    let tables = Tables::new().await;
    let reims = order(
        &tables,
        "VINET",
        "Reims",
        &[named("11", "Queso Cabrales"), named("1", "Chai")],
    )
    .await;
    let mexico = order(&tables, "Tortuga & Söhne 7", "México D.F.", &[named("1", "Chai")]).await;
    let kyoto = order(
        &tables,
        "注文-42",
        "京都市",
        &[named("5", "Röd Kaviar København"), named("6", "Straße 서울시")],
    )
    .await;
    let shipped = OrderEvent::OrderShipped {
        tracking_number: "1Z 999 AA1-01".parse().unwrap(),
        carrier: "Federal Shipping".parse().unwrap(),
    };
    append(&tables, &reims, 1, &[shipped]).await;
    deliver_everything(&tables).await;

    let all = [&kyoto, &mexico, &reims];
    for (question, expected) in [
        ("chai", vec![&mexico, &reims]),
        ("CHA", vec![&mexico, &reims]),
        ("chai reims", vec![&reims]),
        ("cab vinet 1z", vec![&reims]),
        ("mexico", vec![&mexico]),
        ("México D.F.", vec![&mexico]),
        ("sohne tor", vec![&mexico]),
        ("tortugasohne7", vec![&mexico]),
        ("京都", vec![&kyoto]),
        ("서울", vec![&kyoto]),
        ("kobenh", vec![&kyoto]),
        ("注文-42", vec![&kyoto]),
        ("kaviar STRASSE", vec![&kyoto]),
        ("1z999aa101", vec![&reims]),
        ("1z 999 aa1", vec![&reims]),
        (reims.as_str(), vec![&reims]),
        (
            &reims[..20],
            all.into_iter().filter(|id| id[..20] == reims[..20]).collect(),
        ),
        (
            &reims[..8],
            all.into_iter().filter(|id| id[..8] == reims[..8]).collect(),
        ),
        ("chai kaviar", vec![]),
        ("hai", vec![]),
        ("federal", vec![]),
        ("nothing of it", vec![]),
    ] {
        for page_size in [1, 2, 20] {
            let found = found(&tables, question, page_size).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{question}");
        }
    }
}

/// The field reports' rows 5, 6, 7 and 12.
#[tokio::test]
async fn every_word_of_an_order_is_found_also_numbers_invisible_characters_and_scripts_without_spaces() {
    let tables = Tables::new().await;
    // Eight letters each, which begin differently: about 3,000 terms.
    let word = |n: usize| -> String {
        let letter = |at: u32| char::from(b'a' + (n * 7_919 / 3_usize.pow(at) % 26) as u8);
        (0..8).map(letter).chain(n.to_string().chars()).collect()
    };
    let items: Vec<OrderItem> = (0..500).map(|n| named(&n.to_string(), &word(n))).collect();
    let many = order(&tables, "VINET", "Reims", &items).await;
    let filter = order(&tables, "VINET", "Reims", &[named("1", "Ersatzfilter 10045378-22")]).await;
    let donau = "Donau\u{ad}dampf\u{ad}schiff";
    let donau = order(
        &tables,
        "VINET",
        "Reims",
        &[named("1", donau), named("2", "10045378 Band 22")],
    )
    .await;
    let bangkok = order(&tables, "VINET", "กรุงเทพมหานคร", &[named("1", "東京都の地図 2024")]).await;
    deliver_everything(&tables).await;
    for n in [0, 1, 299, 300, 498, 499] {
        assert_eq!(found(&tables, &word(n), 20).await, std::slice::from_ref(&many), "{n}");
    }
    for (question, expected) in [
        ("10045378-22", vec![&donau, &filter]),
        ("1004537822", vec![&filter]),
        ("10045378", vec![&donau, &filter]),
        ("ersatzfilter 10045378-2", vec![&filter]),
        ("10045378-23", vec![]),
        ("donaudampfschiff", vec![&donau]),
        ("donau\u{200d}dampf", vec![&donau]),
        ("10045\u{2060}378-22", vec![&donau, &filter]),
        ("กรุงเทพมหานคร", vec![&bangkok]),
        ("มหานคร", vec![&bangkok]),
        ("นครมหา", vec![]),
        ("เทพกรุง", vec![]),
        ("東京 2024", vec![&bangkok]),
        ("京都", vec![&bangkok]),
        ("都京", vec![]),
        ("地図 กรุงเทพ", vec![&bangkok]),
    ] {
        for page_size in [1, 20] {
            let found = found(&tables, question, page_size).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{question}");
        }
    }
}

#[tokio::test]
async fn what_an_order_no_longer_has_does_not_find_it_and_leaves_no_posting() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", "Reims", &[named("1", "Chai"), named("2", "Chang")]).await;
    deliver_everything(&tables).await;
    let removed = |product_id: &str| OrderEvent::item_removed(product_id.parse().unwrap(), None);
    append(&tables, &id, 1, &[removed("1")]).await;
    let early = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &early).await;
    // The index does not know yet, and the row does.
    assert_eq!(found(&tables, "chai", 20).await, [""; 0]);
    deliver_everything(&tables).await;
    assert_eq!(found(&tables, "chai", 20).await, [""; 0]);
    assert_eq!(found(&tables, "cha", 20).await, std::slice::from_ref(&id));
    assert_eq!(postings(&tables, "chai").await, 0);
    assert_eq!(postings(&tables, "cha").await, 1);
    // And once more, under another version.
    append(&tables, &id, 2, &[OrderEvent::from(named("1", "Chai"))]).await;
    deliver_everything(&tables).await;
    assert_eq!(found(&tables, "chai", 20).await, [id]);
}

async fn postings(tables: &Tables, term: &str) -> usize {
    let items = tables.items("OrderSearch").await.into_iter();
    let is_it = |key: &String| key.split('#').next() == Some(term);
    items.filter(|item| is_it(item["Term"].as_s().unwrap())).count()
}

/// Everything but the postings themselves may be repeated, lost or late.
#[tokio::test]
async fn records_that_come_again_late_and_out_of_order_leave_the_same_index() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", "Reims", &[named("1", "Chai")]).await;
    deliver_everything(&tables).await;
    for (version, event) in [
        OrderEvent::from(named("2", "Chang")),
        OrderEvent::item_removed("1".parse().unwrap(), None),
        OrderEvent::from(named("3", "Aniseed Syrup")),
        OrderEvent::item_removed("2".parse().unwrap(), None),
    ]
    .into_iter()
    .enumerate()
    {
        append(&tables, &id, 1 + version as u64, &[event]).await;
        let records = stream_records(&tables, "EventStore").await;
        deliver(&tables, "order-summary-projection", &records).await;
    }
    let changes = stream_records(&tables, "OrderSummary").await;
    let one_by_one = |records: Vec<Value>| async {
        for record in records {
            assert_eq!(deliver(&tables, "order-index-projection", &[record]).await, [""; 0]);
        }
    };
    one_by_one(changes[3..].to_vec()).await;
    one_by_one(changes[..3].iter().rev().cloned().collect()).await;
    one_by_one(changes).await;
    assert_eq!(found(&tables, "syrup", 5).await, [id]);
    for gone in ["chai", "chan"] {
        assert_eq!(postings(&tables, gone).await, 0, "{gone}");
    }
    let terms: BTreeSet<_> = tables
        .items("OrderSearch")
        .await
        .into_iter()
        .map(|item| item["Term"].as_s().unwrap().clone())
        .collect();
    assert_eq!(
        terms.len(),
        tables.items("OrderSearch").await.len(),
        "each posting once"
    );
}

/// Whatever request of it fails: it is delivered again and is then right.
#[tokio::test]
async fn an_index_that_was_left_half_written_is_completed() {
    for operation in ["GetItem", "PutItem", "BatchWriteItem"] {
        for nth in 0..3 {
            let tables = Tables::new().await;
            let id = order(
                &tables,
                "VINET",
                "Reims",
                &[named("1", "Chai"), named("2", "Guaraná Fantástica")],
            )
            .await;
            deliver_everything(&tables).await;
            let removed = OrderEvent::item_removed("1".parse().unwrap(), None);
            append(
                &tables,
                &id,
                1,
                &[OrderEvent::from(named("3", "Aniseed Syrup")), removed],
            )
            .await;
            let records = stream_records(&tables, "EventStore").await;
            deliver(&tables, "order-summary-projection", &records).await;
            let changes = stream_records(&tables, "OrderSummary").await;
            // The SDK tries three times.
            for _ in 0..nth {
                tables.proxy.inject(operation, Fault::LoseAnswer);
            }
            for _ in nth..nth + 3 {
                tables.proxy.inject(operation, Fault::Refuse("ThrottlingException"));
            }
            deliver(&tables, "order-index-projection", &changes).await;
            while tables.proxy.pending_faults() > 0 {
                deliver(&tables, "order-index-projection", &changes).await;
            }
            deliver_everything(&tables).await;
            assert_eq!(
                found(&tables, "syrup", 5).await,
                std::slice::from_ref(&id),
                "{operation} {nth}"
            );
            assert_eq!(found(&tables, "chai", 5).await, [""; 0], "{operation} {nth}");
            assert_eq!(postings(&tables, "chai").await, 0, "{operation} {nth}");
        }
    }
}

#[tokio::test]
async fn a_text_that_is_no_question_is_refused() {
    let api = Api::start().await;
    for query in [
        "",
        "?q=",
        "?q=re",
        "?q=%20%20x",
        "?q=..%2F..",
        "?q=a+b+c+d+e+f+g+h+i+j+k+l",
        "?q=%C2%AD%E2%80%8Bre",
        &format!("?q={}", "x".repeat(201)),
    ] {
        let answer = api.get(&format!("/orders/search{query}")).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), ["q"], "{query}");
    }
    let answer = api.get("/orders/search?q=reims&cursor=AAAA").await;
    answer.assert_problem(400, "invalid_cursor");
}

/// Every order has the word; they come newest first, on pages of any size, in requests that do not grow with their number.
#[tokio::test]
async fn a_common_word_is_spread_over_keys_and_read_by_the_page() {
    let tables = Tables::new().await;
    let chai = [named("1", "Chai")];
    let mut ids = Vec::new();
    for _ in 0..6 {
        let orders = (0..20).map(|_| order(&tables, "VINET", "Reims", &chai));
        ids.extend(join_all(orders).await);
    }
    deliver_everything(&tables).await;
    let items = tables.items("OrderSearch").await;
    let keys: BTreeSet<_> = items
        .iter()
        .map(|item| item["Term"].as_s().unwrap())
        .filter(|term| term.starts_with("chai#"))
        .collect();
    assert_eq!(keys.len(), 4);

    let listed = found(&tables, "chai", 7).await;
    assert_eq!(listed.iter().collect::<BTreeSet<_>>(), ids.iter().collect());
    assert_eq!(listed.len(), 120);
    let page = get(&tables, "order-queries", "search-orders", "q=chai reims&page_size=100").await;
    let times: Vec<_> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["created_at"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b));

    tables.proxy.take_operations();
    get(&tables, "order-queries", "search-orders", "q=chai&page_size=20").await;
    assert_eq!(
        tables.proxy.take_operations(),
        ["Query", "Query", "Query", "Query", "BatchGetItem"]
    );
    get(&tables, "order-queries", "search-orders", "q=chai reims&page_size=20").await;
    let operations = tables.proxy.take_operations();
    assert_eq!(
        operations.len(),
        9,
        "two words in four shards, and the rows: {operations:?}"
    );
}
