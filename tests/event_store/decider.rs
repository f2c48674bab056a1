//! Commands on kept states: what they cost, and that nothing but a successful append rests on one.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use domain::aggregate::Upcaster;
use domain::precondition::{Precondition, Versions};
use domain::{Aggregate, Idempotency, Metadata};
use dynamodb::TableError;
use event_store::{Decider, EventStore, StoreError, TransactError};
use serde::{Deserialize, Serialize};

use crate::support::orders::metadata;
use crate::support::{Fault, Tables};

/// A jar, which some sweets fit into.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Jar {
    sweets: u32,
    label: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
enum JarEvent {
    SweetsAdded { sweets: u32 },
    JarLabelled { label: String },
}

#[derive(Debug, Clone)]
enum JarCommand {
    Add(u32),
    /// Nothing happens when there are so many.
    FillTo(u32),
    Label(String),
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("there is room for {room}")]
struct Full {
    room: u32,
}

impl AsRef<str> for JarCommand {
    fn as_ref(&self) -> &str {
        "a command"
    }
}

const CAPACITY: u32 = 10;

impl Aggregate for Jar {
    const TYPE: &'static str = "Jar";
    const PREFIX: &'static str = "jar-";
    const EVENT_TYPES: &'static [&'static str] = &["SweetsAdded", "JarLabelled"];
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] = &[];
    const STATE_VERSION: u32 = 1;
    type Id = u32;
    type Event = JarEvent;
    type Command = JarCommand;
    type Context = ();
    type Refusal = Full;

    fn evolve(jar: Option<Self>, event: &JarEvent) -> Option<Self> {
        let mut jar = jar.unwrap_or_default();
        match event {
            JarEvent::SweetsAdded { sweets } => jar.sweets += sweets,
            JarEvent::JarLabelled { label } => jar.label.clone_from(label),
        }
        Some(jar)
    }

    fn decide(jar: Option<&Self>, command: JarCommand, _: &()) -> Result<Vec<JarEvent>, Full> {
        let sweets = jar.map_or(0, |jar| jar.sweets);
        let room = CAPACITY - sweets;
        match command {
            JarCommand::Add(more) if more > room => Err(Full { room }),
            JarCommand::Add(sweets) => Ok(vec![JarEvent::SweetsAdded { sweets }]),
            JarCommand::FillTo(goal) if sweets >= goal => Ok(Vec::new()),
            JarCommand::FillTo(goal) => Ok(vec![JarEvent::SweetsAdded { sweets: goal - sweets }]),
            // As many times as there is room for a sweet.
            JarCommand::Label(label) => Ok(vec![JarEvent::JarLabelled {
                label: label.repeat(room as usize),
            }]),
        }
    }
}

const MEGABYTE: usize = 1024 * 1024;

fn keeping(store: EventStore) -> Decider<Jar> {
    Decider::new(store).keeping_states(MEGABYTE, TimeDelta::seconds(5))
}

/// The sweets and the version that a command came to.
async fn run(decider: &Decider<Jar>, id: u32, command: JarCommand) -> Result<(u32, u64), TransactError<Full>> {
    let executed = decider.execute(&id, command, &(), &metadata()).await?;
    Ok((executed.stream.state.unwrap().sweets, executed.stream.version))
}

#[tokio::test]
async fn a_command_on_a_kept_state_is_1_request_and_no_read() {
    let tables = Tables::new().await;
    let decider = keeping(tables.store());
    for (commands, expected) in [
        (1, ["Query", "PutItem"].as_slice()),
        (2, &["PutItem"]),
        (3, &["PutItem"]),
    ] {
        tables.proxy.take_operations();
        let executed = decider.execute(&1, JarCommand::Add(1), &(), &metadata()).await.unwrap();
        assert_eq!(tables.proxy.take_operations(), expected);
        let cost = executed.stream.cost;
        let reads = if commands == 1 { 1.0 } else { 0.0 };
        assert_eq!(
            (cost.requests, cost.read_units, cost.write_units),
            (expected.len() as u32, reads, 1.0)
        );
        assert_eq!(executed.stream.state.unwrap().sweets, commands);
    }
}

#[tokio::test]
async fn a_kept_state_that_another_has_changed_costs_a_request_more_and_is_no_attempt() {
    let tables = Tables::new().await;
    let here = keeping(tables.store()).with_attempts(1);
    let elsewhere = Decider::new(tables.store());
    run(&here, 1, JarCommand::Add(1)).await.unwrap();
    run(&elsewhere, 1, JarCommand::Add(1)).await.unwrap();
    tables.proxy.take_operations();
    tables.proxy.count_units();
    assert_eq!(run(&here, 1, JarCommand::Add(1)).await.unwrap(), (3, 3));
    assert_eq!(tables.proxy.take_operations(), ["PutItem", "Query", "PutItem"]);
    // Two for what is appended, as the index takes one; the refused one is not reported.
    let units = tables.proxy.take_units();
    assert!(units.read <= 1.0 && units.write <= 3.0, "{units:?}");
    // It is kept again.
    run(&here, 1, JarCommand::Add(1)).await.unwrap();
    assert_eq!(tables.proxy.take_operations(), ["PutItem"]);
}

/// What becomes of a command is the same whether or not a state was kept that another writer has made old.
#[tokio::test]
async fn whatever_another_writer_did_the_answer_is_that_of_the_newest_state() {
    let key = |key: &str, hash: &str| Metadata {
        idempotency: Some(Idempotency {
            key: key.to_owned(),
            request_hash: hash.to_owned(),
        }),
        ..metadata()
    };
    let too_large = "x".repeat(100 * 1024);
    // What happened here, and elsewhere; the command, its metadata, and the version that it is to change.
    type Case = (&'static str, u32, JarCommand, JarCommand, Metadata, Option<u64>);
    let cases: Vec<Case> = vec![
        ("a refusal", 1, JarCommand::Add(9), JarCommand::Add(5), metadata(), None),
        (
            "a refusal of before",
            6,
            JarCommand::Add(4),
            JarCommand::Add(5),
            metadata(),
            None,
        ),
        (
            "no event",
            1,
            JarCommand::Add(5),
            JarCommand::FillTo(4),
            metadata(),
            None,
        ),
        (
            "no event before",
            4,
            JarCommand::Add(1),
            JarCommand::FillTo(4),
            metadata(),
            None,
        ),
        (
            "another version",
            1,
            JarCommand::Add(1),
            JarCommand::Add(1),
            metadata(),
            Some(1),
        ),
        (
            "the newest version",
            1,
            JarCommand::Add(1),
            JarCommand::Add(1),
            metadata(),
            Some(2),
        ),
        (
            "a version to come",
            1,
            JarCommand::Add(1),
            JarCommand::Add(1),
            metadata(),
            Some(3),
        ),
        (
            "a repeated key",
            1,
            JarCommand::Add(2),
            JarCommand::Add(2),
            key("elsewhere", "a"),
            None,
        ),
        (
            "a key reused",
            1,
            JarCommand::Add(2),
            JarCommand::Add(3),
            key("elsewhere", "b"),
            None,
        ),
        (
            "a key of here",
            1,
            JarCommand::Add(2),
            JarCommand::Add(1),
            key("here", "a"),
            None,
        ),
        (
            "a broken limit",
            1,
            JarCommand::Add(1),
            JarCommand::Label(too_large.clone()),
            metadata(),
            None,
        ),
        (
            "a broken limit of before",
            1,
            JarCommand::Add(8),
            JarCommand::Label(too_large),
            metadata(),
            None,
        ),
        (
            "a new event",
            1,
            JarCommand::Add(1),
            JarCommand::Add(1),
            metadata(),
            None,
        ),
    ];
    for (id, (case, first, other, command, metadata, expected)) in (0_u32..).zip(cases) {
        let mut outcomes = Vec::new();
        for is_keeping in [false, true] {
            let tables = Tables::new().await;
            let here = match is_keeping {
                true => keeping(tables.store()),
                false => Decider::new(tables.store()),
            };
            let elsewhere = Decider::new(tables.store());
            let of = |decider: &Decider<Jar>, command, metadata| {
                let decider = decider.clone();
                async move { decider.execute(&id, command, &(), &metadata).await.unwrap() }
            };
            of(&here, JarCommand::Add(first), key("here", "a")).await;
            of(&elsewhere, other.clone(), key("elsewhere", "a")).await;
            let stream = here.stream(&id).await.unwrap().expecting(Precondition {
                at: expected.map(|version| Versions::These(vec![version])),
                not_at: None,
            });
            assert_eq!(stream.version, if is_keeping { 1 } else { 2 }, "{case}");
            let outcome = here.execute_on(stream, command.clone(), &(), &metadata).await;
            let outcome = outcome
                .map(|executed| {
                    let sweets = executed.stream.state.map(|jar| jar.sweets);
                    (
                        sweets,
                        executed.stream.version,
                        executed.events.len(),
                        executed.is_replay,
                    )
                })
                .map_err(|error| error.to_string());
            let stored = tables.items("EventStore").await.len();
            // A command that follows is right, whatever is kept now.
            let after = run(&here, id, JarCommand::FillTo(CAPACITY))
                .await
                .map_err(|error| error.to_string());
            outcomes.push((outcome, stored, after));
        }
        assert_eq!(outcomes[0], outcomes[1], "{case}");
    }
}

#[tokio::test]
async fn an_append_on_a_kept_state_whose_answer_was_lost_or_that_was_throttled_once_happens_once() {
    for fault in [
        Fault::LoseAnswer,
        Fault::AnswerWith500,
        Fault::Refuse("ThrottlingException"),
        Fault::Refuse("TransactionConflictException"),
    ] {
        let tables = Tables::new().await;
        let decider = keeping(tables.store());
        run(&decider, 1, JarCommand::Add(1)).await.unwrap();
        let case = format!("{fault:?}");
        tables.proxy.inject("PutItem", fault);
        assert_eq!(run(&decider, 1, JarCommand::Add(1)).await.unwrap(), (2, 2), "{case}");
        assert_eq!(run(&decider, 1, JarCommand::Add(1)).await.unwrap(), (3, 3), "{case}");
        assert_eq!(tables.items("EventStore").await.len(), 3, "{case}");
    }
}

/// Also what was kept when it was loaded for the same command.
#[tokio::test]
async fn a_state_is_dropped_when_an_answer_stays_unknown() {
    for is_loaded in [false, true] {
        dropped_when_unknown(is_loaded).await;
    }
}

async fn dropped_when_unknown(is_loaded: bool) {
    let tables = Tables::new().await;
    let decider = keeping(tables.store());
    run(&decider, 1, JarCommand::Add(1)).await.unwrap();
    // The SDK's own attempts, and the read that follows.
    let inject = |tables: &Tables| {
        for operation in ["PutItem", "PutItem", "PutItem", "Query", "Query", "Query"] {
            tables.proxy.inject(operation, Fault::AnswerWith500);
        }
    };
    inject(&tables);
    let stream = match is_loaded {
        true => {
            tables.proxy.clear();
            let stream = decider.load(&1).await.unwrap();
            inject(&tables);
            stream
        }
        false => decider.stream(&1).await.unwrap(),
    };
    let unknown = decider.execute_on(stream, JarCommand::Add(1), &(), &metadata()).await;
    assert!(
        matches!(
            &unknown,
            Err(TransactError::Store(StoreError::Table(TableError::Unavailable(_))))
        ),
        "{unknown:?}"
    );
    tables.proxy.clear();
    tables.proxy.take_operations();
    // It had been appended.
    assert_eq!(run(&decider, 1, JarCommand::Add(1)).await.unwrap(), (3, 3));
    assert_eq!(tables.proxy.take_operations(), ["Query", "PutItem"]);
}

static SECONDS: AtomicI64 = AtomicI64::new(0);

fn clock() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(SECONDS.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_state_of_some_seconds_ago_is_brought_up_to_date_by_a_read_from_its_version_on() {
    let tables = Tables::new().await;
    let decider = keeping(tables.store().with_clock(clock));
    for (seconds, expected) in [
        (1_000, ["Query", "PutItem"].as_slice()),
        (1_004, &["PutItem"]),
        (1_010, &["Query", "PutItem"]),
        // A clock that was set back.
        (1_000, &["Query", "PutItem"]),
    ] {
        SECONDS.store(seconds, Ordering::SeqCst);
        tables.proxy.take_operations();
        tables.proxy.record();
        run(&decider, 1, JarCommand::Add(1)).await.unwrap();
        assert_eq!(tables.proxy.take_operations(), expected, "{seconds}");
        let requests = tables.proxy.recorded();
        let read = requests.iter().find(|request| request.operation == "Query");
        let from = read.map(|read| read.body["ExpressionAttributeValues"][":from"]["N"].clone());
        let expected_from = [(1_010, "2")].iter().find(|(of, _)| *of == seconds);
        if let Some((_, expected_from)) = expected_from {
            assert_eq!(from.unwrap(), *expected_from);
        }
    }
}

/// As by a restore of the table from a backup.
async fn replace_history(tables: &Tables, sweets: &[u32]) {
    for mut item in tables.items("EventStore").await {
        let delete = tables.dynamodb.delete_item().table_name("EventStore");
        let mut key = |name: &str| item.remove(name).unwrap();
        let delete = delete.key("AggregateId", key("AggregateId"));
        delete.key("Version", key("Version")).send().await.unwrap();
    }
    for sweets in sweets {
        let restored = Decider::new(tables.store());
        run(&restored, 1, JarCommand::Add(*sweets)).await.unwrap();
    }
}

#[tokio::test]
async fn a_kept_state_whose_history_was_replaced_is_dropped() {
    static SECONDS: AtomicI64 = AtomicI64::new(0);
    let clock = || DateTime::UNIX_EPOCH + TimeDelta::seconds(SECONDS.load(Ordering::SeqCst));
    let full = |room| Err(Full { room }.to_string());
    let kept: &[u32] = &[1, 1];
    // What is there in its place, how many seconds later, the command, and what comes of it.
    type Case<'a> = (&'a str, &'a [u32], i64, JarCommand, Result<(u32, u64), String>);
    let cases: [Case<'_>; 6] = [
        ("as long", &[5, 4], 10, JarCommand::Add(2), full(1)),
        ("as long, and room", &[5, 4], 10, JarCommand::Add(1), Ok((10, 3))),
        ("shorter", &[9], 10, JarCommand::Add(1), Ok((10, 2))),
        ("longer", &[3, 3, 3], 0, JarCommand::Add(1), Ok((10, 4))),
        ("longer, and no room", &[3, 3, 3], 0, JarCommand::Add(2), full(1)),
        ("as long, and no event", &[5, 4], 0, JarCommand::FillTo(2), Ok((9, 2))),
    ];
    for (case, history, seconds, command, expected) in cases {
        let tables = Tables::new().await;
        let decider = keeping(tables.store().with_clock(clock));
        for sweets in kept {
            run(&decider, 1, JarCommand::Add(*sweets)).await.unwrap();
        }
        replace_history(&tables, history).await;
        SECONDS.fetch_add(seconds, Ordering::SeqCst);
        let outcome = run(&decider, 1, command).await.map_err(|error| match error {
            TransactError::Refused(full) => full.to_string(),
            error => panic!("{case}: {error}"),
        });
        assert_eq!(outcome, expected, "{case}");
        // Nothing was appended to what is gone.
        let loaded = tables.store().load::<Jar>("jar-1").await.unwrap();
        assert!(loaded.state.unwrap().sweets >= history.iter().sum(), "{case}");
    }
}

#[tokio::test]
async fn kept_states_take_so_many_bytes_and_no_more() {
    let tables = Tables::new().await;
    let decider = Decider::<Jar>::new(tables.store()).keeping_states(40 * 1024, TimeDelta::seconds(5));
    // Nine times.
    let label = || JarCommand::Label("x".repeat(1024));
    let jars = 20;
    for id in 0..jars {
        run(&decider, id, JarCommand::Add(1)).await.unwrap();
        run(&decider, id, label()).await.unwrap();
    }
    let mut warm = Vec::new();
    for id in (0..jars).rev() {
        tables.proxy.take_operations();
        decider.stream(&id).await.unwrap();
        if tables.proxy.take_operations().is_empty() {
            warm.push(id);
        }
    }
    assert!((1..=4).contains(&warm.len()), "{warm:?}");
}

fn keyed(key: &str, request_hash: &str) -> Metadata {
    Metadata {
        idempotency: Some(Idempotency {
            key: key.to_owned(),
            request_hash: request_hash.to_owned(),
        }),
        ..metadata()
    }
}

#[tokio::test]
async fn a_keyed_command_that_changes_nothing_is_remembered_and_changes_no_version() {
    for is_keeping in [false, true] {
        let tables = Tables::new().await;
        let decider = match is_keeping {
            true => keeping(tables.store()),
            false => Decider::new(tables.store()),
        };
        run(&decider, 1, JarCommand::Add(5)).await.unwrap();
        let fill = || JarCommand::FillTo(5);
        let first = decider.execute(&1, fill(), &(), &keyed("k", "fill")).await.unwrap();
        assert_eq!(
            (first.stream.version, first.stream.changed, first.is_replay),
            (2, 1, false)
        );
        assert_eq!(first.events[0].stored.event_type, "NothingChanged");

        // It counts, whatever came after, and another request with its key is refused.
        assert_eq!(run(&decider, 1, JarCommand::Add(1)).await.unwrap(), (6, 3));
        let again = decider.execute(&1, fill(), &(), &keyed("k", "fill")).await.unwrap();
        assert_eq!((again.stream.changed, again.is_replay), (1, true));
        assert_eq!(again.stream.state.unwrap().sweets, 5);
        let reused = decider.execute(&1, JarCommand::Add(1), &(), &keyed("k", "add")).await;
        assert!(matches!(reused, Err(TransactError::KeyReused)), "{reused:?}");

        // A version that the caller expects is that of the last change.
        let unchanged = decider.execute(&1, fill(), &(), &keyed("l", "fill")).await.unwrap();
        assert_eq!((unchanged.stream.version, unchanged.stream.changed), (4, 3));
        let stream = decider.stream(&1).await.unwrap().expecting(Precondition {
            at: Some(Versions::These(vec![3])),
            not_at: None,
        });
        let executed = decider
            .execute_on(stream, JarCommand::Add(1), &(), &metadata())
            .await
            .unwrap();
        assert_eq!((executed.stream.version, executed.stream.changed), (5, 5));

        // What is refused, and what has no key, leaves nothing behind.
        let full = decider.execute(&1, JarCommand::Add(99), &(), &keyed("m", "add")).await;
        assert!(matches!(full, Err(TransactError::Refused(_))), "{full:?}");
        run(&decider, 1, fill()).await.unwrap();
        assert_eq!(tables.items("EventStore").await.len(), 5);
    }
}

#[tokio::test]
async fn eight_keyed_commands_at_once_that_change_nothing_leave_one_event() {
    let tables = Tables::new().await;
    let decider = Decider::new(tables.store());
    run(&decider, 1, JarCommand::Add(5)).await.unwrap();
    let one = async || {
        let executed = decider
            .execute(&1, JarCommand::FillTo(3), &(), &keyed("k", "fill"))
            .await
            .unwrap();
        assert_eq!(executed.stream.changed, 1);
        executed.is_replay
    };
    let replays = futures::future::join_all((0..8).map(|_| one())).await;
    assert_eq!(replays.iter().filter(|is_replay| !**is_replay).count(), 1);
    assert_eq!(tables.items("EventStore").await.len(), 2);
}
