//! A store is exported to a file, and imported from it: whole, or not at all.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::DateTime;
use domain::aggregate::StoredEvent;
use domain::order::Order;
use domain::{Idempotency, Metadata};
use dynamodb::{Segment, TableError};
use event_store::backup::{ExportError, Exported, ImportError, ImportMode, ImportStep, Imported};
use event_store::by_time::EventQuery;
use event_store::{CorruptStream, EventStore, StoreError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::support::orders::{added, created, item, metadata, new_order_id, submitted};
use crate::support::{Fault, Tables, TestFolder, project};

type Item = HashMap<String, AttributeValue>;

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An item as an appender wrote it, of any schema version.
fn stored(aggregate_id: &str, version: u64, event: StoredEvent) -> Item {
    let metadata = metadata();
    let attributes = [
        ("AggregateId", text(aggregate_id)),
        ("Version", number(version)),
        ("AggregateType", text("Order")),
        ("EventId", text(Uuid::now_v7().to_string())),
        ("EventVersion", number(event.event_version)),
        ("EventData", serde_dynamo::to_attribute_value(event.data).unwrap()),
        ("Timestamp", text("2024-02-29T23:59:59.000001Z")),
        ("CommandId", text(metadata.command_id.to_string())),
        ("EventTypeShard", text(format!("{}#0", event.event_type))),
        ("EventType", text(event.event_type)),
    ];
    attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

async fn put(tables: &Tables, item: Item) {
    let put = tables.dynamodb.put_item().table_name("EventStore");
    put.set_item(Some(item)).send().await.unwrap();
}

/// Every stored event of every schema version that there ever was.
fn fixtures() -> Vec<StoredEvent> {
    let folder = project().join("shared/domain/tests/stored_events");
    let mut fixtures: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let (event_type, version) = path.file_stem().unwrap().to_str().unwrap().split_once(".v").unwrap();
            // Some versions have several, each with a name of its own behind.
            let version = version.split('-').next().unwrap();
            StoredEvent {
                event_type: event_type.to_owned(),
                event_version: version.parse().unwrap(),
                data: serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
            }
        })
        .collect();
    fixtures.sort_by_key(|event| (event.event_type.clone(), event.event_version));
    fixtures
}

/// The table, except for the index's key.
async fn items(tables: &Tables) -> BTreeMap<(String, u64), Item> {
    let items = tables.items("EventStore").await.into_iter().map(|mut item| {
        item.remove("EventTypeShard");
        let version = item["Version"].as_n().unwrap().parse().unwrap();
        ((item["AggregateId"].as_s().unwrap().clone(), version), item)
    });
    items.collect()
}

async fn export(tables: &Tables, file: &Path) -> Exported {
    tables.store().export(file, &|_| {}).await.unwrap()
}

async fn import(tables: &Tables, file: &Path, mode: ImportMode) -> Result<Imported, ImportError> {
    tables.store().import(file, mode, &|_| {}).await
}

/// Some orders of one to five events.
async fn orders(store: &EventStore, count: usize) {
    for n in 0..count {
        let mut events = vec![created([item("11", 1)])];
        events.extend((0..n % 4).map(|product| added(&format!("p-{product}"), 1)));
        events.push(submitted());
        let id = new_order_id();
        store.append::<Order>(&id, 0, &events, &metadata()).await.unwrap();
    }
}

#[tokio::test]
async fn an_imported_store_is_the_exported_one_item_for_item_in_every_schema_version() {
    let folder = TestFolder::new();
    let file = folder.path("store.ndjson");
    let from = Tables::new().await;
    orders(&from.store(), 20).await;
    let old = new_order_id();
    for (event, version) in fixtures().into_iter().zip(1..) {
        put(&from, stored(&old, version, event)).await;
    }
    // Everything that may be recorded beside an event, and every kind of JSON.
    let everything = Metadata {
        command_id: Uuid::now_v7(),
        correlation_id: Some("basket \"1\"\n".to_owned()),
        causation_id: Some("Ereignis-1".to_owned()),
        user_id: Some("用户".to_owned()),
        tenant_id: Some("shop-1".to_owned()),
        idempotency: Some(Idempotency {
            key: "van-7/drop-12".to_owned(),
            request_hash: "abc".to_owned(),
        }),
    };
    let id = new_order_id();
    let store = from.store();
    store
        .append::<Order>(&id, 0, &[created([])], &everything)
        .await
        .unwrap();
    // Of a type that nobody knows.
    let odd = StoredEvent {
        event_type: "StockMislaid".to_owned(),
        event_version: 7,
        data: json!({ "none": null, "n": [0, -1, 1.5, 9007199254740993_u64], "t": [true, false, {}, []], "s": "a\u{2028}\u{0}" }),
    };
    let mut item = stored("stock-Käse 1", 1, odd);
    item.insert("AggregateType".to_owned(), text("Stock"));
    // Of a time with more shards.
    item.insert("EventTypeShard".to_owned(), text("StockMislaid#77"));
    put(&from, item).await;

    let exported = export(&from, &file).await;
    let to = Tables::new().await;
    let imported = import(&to, &file, ImportMode::Empty).await.unwrap();

    let expected = items(&from).await;
    assert_eq!(items(&to).await, expected);
    assert_eq!(exported.events, expected.len() as u64);
    assert_eq!(exported.aggregates, 23);
    assert_eq!(
        (imported.events, imported.aggregates, imported.already_there),
        (exported.events, 23, 0)
    );
    // Readers look for it in the shards that the importing store has.
    let query = EventQuery {
        event_types: &["StockMislaid"],
        time: DateTime::UNIX_EPOCH..DateTime::from_timestamp_secs(2_000_000_000).unwrap(),
        correlation_id: None,
        segment: Segment::WHOLE,
    };
    let found = to.store().query_events(&query, 10, None).await.unwrap().events;
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].stored.data["n"],
        json!([0, -1, 1.5, 9_007_199_254_740_993_u64])
    );
    assert_eq!(folder.names(), ["store.ndjson"], "something was left beside the file");

    // The same store gives the same file, except for the time.
    let again = folder.path("again.ndjson");
    assert_eq!(export(&to, &again).await.events, exported.events);
    let mut lines = [&file, &again].map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        let lines: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
        lines[..lines.len() - 1].to_vec()
    });
    lines.iter_mut().for_each(|lines| lines.sort());
    assert_eq!(lines[0], lines[1]);
}

#[tokio::test]
async fn an_empty_store_makes_a_file_that_can_be_imported() {
    let folder = TestFolder::new();
    let file = folder.path("store.ndjson");
    let exported = export(&Tables::new().await, &file).await;
    assert_eq!((exported.events, exported.aggregates), (0, 0));
    let imported = import(&Tables::new().await, &file, ImportMode::Empty).await.unwrap();
    assert_eq!(imported.events, 0);
}

/// Product names as long as this make events of about 100 KB.
const LONG: usize = 100_000;

#[tokio::test]
async fn an_order_of_several_pages_stays_together_and_in_order() {
    let folder = TestFolder::new();
    let file = folder.path("store.ndjson");
    let from = Tables::new().await;
    // Two of 6 MB among others: more than is held back in memory.
    let large = [new_order_id(), new_order_id()];
    for id in &large {
        for version in 1..=60 {
            let event = StoredEvent {
                event_type: "OrderItemAdded".to_owned(),
                event_version: 1,
                data: json!({ "product_id": "p-1", "product_name": "x".repeat(LONG) }),
            };
            put(&from, stored(id, version, event)).await;
        }
    }
    orders(&from.store(), 10).await;
    from.proxy.take_operations();
    export(&from, &file).await;
    let scans = from.proxy.take_operations();
    assert!(scans.len() >= 8 + 8, "{} pages", scans.len());
    assert!(scans.iter().all(|operation| operation == "Scan"), "{scans:?}");

    let to = Tables::new().await;
    import(&to, &file, ImportMode::Empty).await.unwrap();
    assert_eq!(items(&to).await, items(&from).await);
}

#[tokio::test]
async fn an_export_beside_writers_has_a_gapless_part_of_every_order() {
    let folder = TestFolder::new();
    let from = Tables::new().await;
    orders(&from.store(), 30).await;
    let before = items(&from).await;
    let ids: Vec<_> = before.keys().filter(|(_, version)| *version == 1).collect();
    let writers = ids.iter().map(|(id, _)| {
        let store = from.store();
        async move {
            for _ in 0..6 {
                let version = store.version(id).await.unwrap();
                let events = [added("a", 1), added("b", 1)];
                store.append::<Order>(id, version, &events, &metadata()).await.unwrap();
            }
        }
    });
    let exports = async {
        let mut files = Vec::new();
        for n in 0..4 {
            let file = folder.path(format!("{n}.ndjson"));
            export(&from, &file).await;
            files.push(file);
        }
        files
    };
    let (_, files) = futures::join!(futures::future::join_all(writers), exports);
    let after = items(&from).await;
    for file in files {
        let to = Tables::new().await;
        import(&to, &file, ImportMode::Empty).await.unwrap();
        let imported = items(&to).await;
        assert!(imported.iter().all(|(key, item)| after[key] == *item));
        assert!(before.keys().all(|key| imported.contains_key(key)));
    }
}

/// Takes version 2 of everything out of an answer.
fn without_version_2(answer: &mut Value) {
    let items = answer["Items"].as_array_mut().unwrap();
    items.retain(|item| item["Version"]["N"] != "2");
}

#[tokio::test]
async fn a_transaction_that_is_seen_in_part_is_waited_for() {
    let folder = TestFolder::new();
    let from = Tables::new().await;
    // Whoever sees version 3 must see version 2.
    for _ in 0..10 {
        let events = [created([]), added("11", 1), submitted()];
        let id = new_order_id();
        from.store()
            .append::<Order>(&id, 0, &events, &metadata())
            .await
            .unwrap();
    }
    for _ in 0..8 {
        from.proxy.inject("Scan", Fault::Alter(without_version_2));
    }
    for _ in 0..5 {
        from.proxy.inject("Query", Fault::Alter(without_version_2));
    }
    let exported = export(&from, &folder.path("store.ndjson")).await;
    assert_eq!(exported.events, items(&from).await.len() as u64);
    assert_eq!(from.proxy.pending_faults(), 0);
    import(&Tables::new().await, &folder.path("store.ndjson"), ImportMode::Empty)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_order_in_pieces_is_exported_whole_or_not_at_all() {
    let first_event_last = |answer: &mut Value| answer["Items"].as_array_mut().unwrap().rotate_left(1);
    let second_event_last = |answer: &mut Value| answer["Items"].as_array_mut().unwrap()[1..].rotate_left(1);
    for (alter, is_exported) in [
        (first_event_last as fn(&mut Value), true),
        (second_event_last as fn(&mut Value), false),
    ] {
        let folder = TestFolder::new();
        let file = folder.path("store.ndjson");
        let from = Tables::new().await;
        // 60 orders of two events each.
        for _ in 0..60 {
            let events = [created([]), added("11", 1)];
            let id = new_order_id();
            from.store()
                .append::<Order>(&id, 0, &events, &metadata())
                .await
                .unwrap();
        }
        for _ in 0..8 {
            from.proxy.inject("Scan", Fault::Alter(alter));
        }
        match from.store().export(&file, &|_| {}).await {
            Ok(exported) => {
                assert!(is_exported);
                assert_eq!((exported.events, exported.aggregates), (120, 60));
                import(&Tables::new().await, &file, ImportMode::Empty).await.unwrap();
            }
            Err(error) => {
                assert!(!is_exported && matches!(error, ExportError::InPieces { .. }), "{error}");
                assert_eq!(folder.names(), [""; 0]);
            }
        }
    }
}

#[tokio::test]
async fn a_store_with_a_gap_is_not_exported_without_a_word() {
    let folder = TestFolder::new();
    let from = Tables::new().await;
    let [first, .., last] = &fixtures()[..] else { panic!() };
    put(&from, stored("order", 1, first.clone())).await;
    put(&from, stored("order", 3, last.clone())).await;
    let error = from
        .store()
        .export(&folder.path("store.ndjson"), &|_| {})
        .await
        .unwrap_err();
    let gap = CorruptStream::Gap {
        aggregate_id: "order".to_owned(),
        expected: 2,
        found: 3,
    };
    assert!(
        matches!(&error, ExportError::Store(StoreError::Corrupt(found)) if *found == gap),
        "{error}"
    );
    assert_eq!(folder.names(), [""; 0]);
}

#[tokio::test]
async fn what_the_format_cannot_hold_is_an_error_that_names_it() {
    let folder = TestFolder::new();
    let digits = "1234567890123456789012345678901234567.8";
    for (name, value) in [
        ("Colour", text("red")),
        (
            "EventData",
            AttributeValue::M([("n".to_owned(), number(digits))].into()),
        ),
        ("EventData", AttributeValue::Ss(vec!["a".to_owned()])),
        ("IdempotencyKey", text("alone")),
        ("Timestamp", text("2024-02-29T23:59:59Z")),
    ] {
        let from = Tables::new().await;
        let mut item = stored("order", 1, fixtures().remove(0));
        item.insert(name.to_owned(), value);
        put(&from, item).await;
        let error = from
            .store()
            .export(&folder.path("store.ndjson"), &|_| {})
            .await
            .unwrap_err();
        let reason = error.to_string();
        assert!(reason.contains("order version 1") && reason.contains(name), "{reason}");
        assert_eq!(folder.names(), [""; 0]);
    }
}

#[tokio::test]
async fn no_file_is_overwritten_and_none_is_left_half_done() {
    let folder = TestFolder::new();
    let file = folder.path("store.ndjson");
    std::fs::write(&file, "mine").unwrap();
    let from = Tables::new().await;
    orders(&from.store(), 3).await;
    let error = from.store().export(&file, &|_| {}).await.unwrap_err();
    assert!(matches!(error, ExportError::FileExists(_)), "{error}");

    // Somebody makes the file while it is exported.
    std::fs::remove_file(&file).unwrap();
    let late = |_| std::fs::write(&file, "mine").unwrap();
    let error = from.store().export(&file, &late).await.unwrap_err();
    assert!(matches!(error, ExportError::FileExists(_)), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");

    from.proxy.inject("Scan", Fault::Refuse("AccessDeniedException"));
    let error = from.store().export(&folder.path("other"), &|_| {}).await.unwrap_err();
    assert!(
        matches!(
            error,
            ExportError::Store(StoreError::Table(TableError::Misconfigured(_)))
        ),
        "{error}"
    );
    let error = from
        .store()
        .export(&folder.path("none/other"), &|_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, ExportError::Io { .. }), "{error}");
    assert_eq!(folder.names(), ["store.ndjson"]);
}

/// `lines` as a file whose trailer fits them.
fn sealed(lines: &[String]) -> String {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let first_versions = lines.iter().filter(|line| line.contains("\"version\":1,")).count();
    let sha256: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let trailer = json!({ "events": lines.len() - 1, "aggregates": first_versions, "sha256": sha256 });
    format!("{body}{trailer}\n")
}

/// The backup of version 1 of the format: a header, the events 1 to 3 of one order, 1 and 2 of another, a trailer.
fn pinned() -> Vec<String> {
    let text = std::fs::read_to_string(pinned_file()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn pinned_file() -> PathBuf {
    project().join("tests/event_store/backup.v1.ndjson")
}

#[tokio::test]
async fn a_file_of_format_version_1_is_imported_for_ever() {
    let folder = TestFolder::new();
    let to = Tables::new().await;
    let imported = import(&to, &pinned_file(), ImportMode::Empty).await.unwrap();
    assert_eq!((imported.events, imported.aggregates), (5, 2));
    let order = to
        .store()
        .load::<Order>("01920000-0000-7000-8000-000000000001")
        .await
        .unwrap();
    assert_eq!(
        (order.version, order.state.unwrap().total_amount().to_string()),
        (3, "440.00".to_owned())
    );

    // And is what is written.
    let again = folder.path("again.ndjson");
    export(&to, &again).await;
    let again = std::fs::read_to_string(&again).unwrap();
    let mut lines: Vec<_> = again.lines().skip(1).collect();
    lines.pop();
    let mut expected = pinned();
    expected.pop();
    expected.remove(0);
    lines.sort_unstable();
    expected.sort();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_file_that_is_not_right_is_refused_by_its_line_and_nothing_is_written() {
    let folder = TestFolder::new();
    let file = folder.path("bad.ndjson");
    let to = Tables::new().await;
    let lines = pinned();
    let whole = format!("{}\n", lines.join("\n"));
    let events = &lines[..6];
    let with = |n: usize, from: &str, to: &str| {
        let mut lines = events.to_vec();
        assert!(lines[n].contains(from), "{from}");
        lines[n] = lines[n].replacen(from, to, 1);
        sealed(&lines)
    };
    let order = |order: &[usize]| sealed(&order.iter().map(|n| lines[*n].clone()).collect::<Vec<_>>());
    let name = "Queso Cabrales";
    let huge = format!("\"city\":\"{}\"", "x".repeat(500_000));
    let cases: [(String, u64, &str); 32] = [
        (String::new(), 1, "the file is empty"),
        ("{}\n".to_owned(), 1, "not the header"),
        (lines[1..].join("\n"), 1, "not the header"),
        (
            whole.replacen("ordermaster-events", "others", 1),
            1,
            "not the header of a backup of OrderMaster",
        ),
        (
            whole.replacen(
                "\"format_version\":1",
                "\"format_version\":2,\"compression\":\"zstd\"",
                1,
            ),
            1,
            "format version 2, and this program reads version 1",
        ),
        // Altered, and the trailer left as it was.
        (whole.replacen("VINET", "HANAR", 1), 7, "checksum"),
        (
            whole.replacen("exported_at\":\"2024", "exported_at\":\"2023", 1),
            7,
            "checksum",
        ),
        // Truncated.
        (whole[..whole.len() - 1].to_owned(), 7, "ends within it"),
        (format!("{}\n", lines[..6].join("\n")), 7, "the trailer is missing"),
        (lines[..6].join("\n"), 6, "ends within it"),
        (whole.split_at(whole.len() / 2).0.to_owned(), 4, "ends within it"),
        // What DynamoDB would not give back as it is.
        (with(1, "\"data\":{", "\"data\":{\"n\":1e3,"), 2, "data has a number"),
        (
            with(1, "\"data\":{", "\"data\":{\"n\":[1.50, -0.0],"),
            2,
            "data has a number",
        ),
        (
            with(1, "\"data\":{", "\"data\":{\"\":1,"),
            2,
            "data has a field without a name",
        ),
        (
            with(
                1,
                "\"data\":{",
                &format!("\"data\":{{\"n\":{}{},", "[".repeat(31), "]".repeat(31)),
            ),
            2,
            "nested too deeply",
        ),
        // Reordered, duplicated, gapped: with a trailer that fits.
        (order(&[0, 2, 1, 3, 4, 5]), 2, "version 2 stands where 1 should be"),
        (order(&[0, 1, 2, 2, 3, 4, 5]), 4, "version 2 stands where 3 should be"),
        (order(&[0, 1, 3, 4, 5]), 3, "version 3 stands where 2 should be"),
        (order(&[0, 2, 3, 4, 5]), 2, "version 2 stands where 1 should be"),
        (
            order(&[0, 1, 2, 4, 5, 3]),
            6,
            "the events of this aggregate had ended before",
        ),
        (
            order(&[0, 1, 2, 3, 4, 5, 1]),
            7,
            "the events of this aggregate had ended before",
        ),
        (order(&[0, 0, 1, 2, 3, 4, 5]), 2, "not one of"),
        // A trailer that does not fit.
        (
            whole.replacen("\"events\":5", "\"events\":6", 1),
            7,
            "it names 6 events, and there are 5",
        ),
        (
            whole.replacen("\"aggregates\":2", "\"aggregates\":3", 1),
            7,
            "it names 3 aggregates, and there are 2",
        ),
        (format!("{whole}\n"), 8, "something follows the trailer"),
        (format!("{whole}{}\n", lines[6]), 8, "something follows the trailer"),
        // Lines that are no event.
        (with(1, name, "Queso \\x"), 2, "not JSON"),
        (
            with(1, "\"version\":1,", "\"version\":\"Queso Cabrales\","),
            2,
            "not u64",
        ),
        (with(2, "\"command_id\"", "\"Queso Cabrales\""), 3, "not one of"),
        (with(5, "\"idempotency_key\":\"k-1\",", ""), 6, "stand only together"),
        (
            with(
                4,
                "\"aggregate_id\":\"01920000-0000-7000-8000-000000000002\"",
                "\"aggregate_id\":\"\"",
            ),
            5,
            "not 1 to 2048 bytes",
        ),
        (with(1, "\"city\":\"Reims\"", &huge), 2, "larger than the 409600 bytes"),
    ];
    for (n, (text, line, reason)) in cases.into_iter().enumerate() {
        std::fs::write(&file, text).unwrap();
        let error = import(&to, &file, ImportMode::Empty).await.unwrap_err();
        let ImportError::BadFile {
            line: found,
            reason: why,
        } = &error
        else {
            panic!("case {n}: {error}");
        };
        assert_eq!(*found, line, "case {n}: {why}");
        assert!(why.contains(reason), "case {n}: {why} lacks {reason}");
        assert!(
            !why.contains(name) && !why.contains("VINET"),
            "case {n} tells data: {why}"
        );
        assert!(to.proxy.take_operations().is_empty(), "case {n}");
    }
    let error = import(&to, &folder.path("none"), ImportMode::Empty).await.unwrap_err();
    assert!(matches!(error, ImportError::Io { .. }), "{error}");
    assert!(items(&to).await.is_empty());
}

#[tokio::test]
async fn a_store_that_is_not_empty_is_refused_and_left_as_it_is() {
    let to = Tables::new().await;
    orders(&to.store(), 1).await;
    let before = items(&to).await;
    let error = import(&to, &pinned_file(), ImportMode::Empty).await.unwrap_err();
    assert!(matches!(error, ImportError::NotEmpty), "{error}");
    // Nor is an import resumed that was never begun.
    let error = import(&to, &pinned_file(), ImportMode::Resume).await.unwrap_err();
    assert!(matches!(error, ImportError::Conflict { .. }), "{error}");
    assert_eq!(items(&to).await, before);
}

#[tokio::test]
async fn an_import_passes_throttles_and_lost_answers() {
    let folder = TestFolder::new();
    let file = folder.path("store.ndjson");
    let from = Tables::new().await;
    orders(&from.store(), 30).await;
    // More than the SDK repeats by itself.
    for _ in 0..5 {
        from.proxy.inject("Scan", Fault::Refuse("ThrottlingException"));
    }
    export(&from, &file).await;
    let to = Tables::new().await;
    for _ in 0..40 {
        to.proxy
            .inject("PutItem", Fault::Refuse("ProvisionedThroughputExceededException"));
        to.proxy.inject("PutItem", Fault::LoseAnswer);
    }
    to.proxy
        .inject("PutItem", Fault::Refuse("TransactionConflictException"));
    to.proxy.inject("Scan", Fault::AnswerWith500);
    let imported = import(&to, &file, ImportMode::Empty).await.unwrap();
    assert!(imported.already_there > 0, "no lost answer was met");
    assert_eq!(to.proxy.pending_faults(), 0);
    assert_eq!(items(&to).await, items(&from).await);
}

#[tokio::test]
async fn an_import_that_was_interrupted_goes_on_and_ends_in_the_same_store() {
    let folder = TestFolder::new();
    let file = folder.path("store.ndjson");
    let from = Tables::new().await;
    orders(&from.store(), 60).await;
    let exported = export(&from, &file).await;

    // Stopped in the middle.
    let to = Tables::new().await;
    let store = to.store();
    let stop = tokio::sync::Notify::new();
    let half = |progress: event_store::backup::ImportProgress| {
        if progress.step == ImportStep::Writing && progress.done >= exported.events / 2 {
            stop.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = stop.notified() => {}
        imported = store.import(&file, ImportMode::Empty, &half) => panic!("not stopped: {imported:?}"),
    }
    // A request that was on its way may yet arrive: there may be more than these from now on, and still without gaps.
    let partly = items(&to).await;
    assert!(
        (1..exported.events).contains(&(partly.len() as u64)),
        "{} events",
        partly.len()
    );
    // Whatever is there has no gaps, so no projection waits for what never comes.
    for (id, version) in partly.keys() {
        assert!(*version == 1 || partly.contains_key(&(id.clone(), version - 1)));
    }
    let error = import(&to, &file, ImportMode::Empty).await.unwrap_err();
    assert!(matches!(error, ImportError::NotEmpty), "{error}");

    // Refused in the middle, which no patience helps.
    to.proxy.inject("PutItem", Fault::Refuse("AccessDeniedException"));
    let error = import(&to, &file, ImportMode::Resume).await.unwrap_err();
    assert!(
        matches!(
            error,
            ImportError::Store(StoreError::Table(TableError::Misconfigured(_)))
        ),
        "{error}"
    );

    let imported = import(&to, &file, ImportMode::Resume).await.unwrap();
    assert_eq!(imported.events, exported.events);
    assert!(imported.already_there >= partly.len() as u64);
    assert_eq!(items(&to).await, items(&from).await);
    // And once more, when there is nothing left to do.
    let again = import(&to, &file, ImportMode::Resume).await.unwrap();
    assert_eq!(again.already_there, exported.events);
}

#[tokio::test]
async fn a_different_event_at_the_same_place_is_never_overwritten() {
    let to = Tables::new().await;
    import(&to, &pinned_file(), ImportMode::Empty).await.unwrap();
    let (key, mut item) = items(&to).await.pop_first().unwrap();
    item.insert("UserId".to_owned(), text("somebody else"));
    item.insert("EventTypeShard".to_owned(), text("OrderCreated#0"));
    put(&to, item).await;
    let before = items(&to).await;
    let error = import(&to, &pinned_file(), ImportMode::Resume).await.unwrap_err();
    let ImportError::Conflict { aggregate_id, version } = error else {
        panic!("{error}");
    };
    assert_eq!((aggregate_id, version), key);
    assert_eq!(items(&to).await, before);
}

#[tokio::test]
async fn what_others_append_meanwhile_fails_the_verification() {
    let to = Tables::new().await;
    let store = to.store();
    let other = std::cell::RefCell::new(Some(stored("other", 1, fixtures().remove(0))));
    let (items, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let appended = async {
        let item = waiting.recv().await.unwrap();
        put(&to, item).await;
    };
    let progress = |progress: event_store::backup::ImportProgress| {
        if progress.step == ImportStep::Writing
            && let Some(item) = other.take()
        {
            items.send(item).unwrap();
        }
    };
    let (imported, ()) = futures::join!(
        async {
            to.proxy.inject("PutItem", Fault::Refuse("ThrottlingException"));
            store.import(&pinned_file(), ImportMode::Empty, &progress).await
        },
        appended
    );
    match imported.unwrap_err() {
        ImportError::NotVerified { expected, found } => assert_eq!((expected.events, found.events), (5, 6)),
        error => panic!("{error}"),
    }
}

#[test]
fn the_pinned_file_is_sealed() {
    let lines = pinned();
    let whole = format!("{}\n", lines.join("\n"));
    let parsed = |text: &str| {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<Value>>()
    };
    assert_eq!(parsed(&sealed(&lines[..6])), parsed(&whole));
}
