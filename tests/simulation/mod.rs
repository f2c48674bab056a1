//! A simulation of the whole system, from a seed.
//!
//! Clients send commands to a few orders while projections follow, DynamoDB is late, refuses, and loses answers, and
//! processes crash in the middle. Then the faults end, what is left is delivered, and the invariants are checked. A run
//! takes place on one thread and in virtual time, so the seed alone decides what happens in which order; the same seed
//! is the same run.
//!
//! | module | what it holds |
//! |---|---|
//! | [`faults`] | what may go wrong, and how often |
//! | [`database`] | the operations of DynamoDB, carried out on an embedded one |
//! | [`dynamodb`] | the embedded DynamoDB as the SDK's HTTP client, with the faults |
//! | [`replica`] | what eventually consistent reads see |
//! | [`world`] | what the actors share: DynamoDB, functions that crash, the history |
//! | [`client`] | an actor: sends commands, and repeats them |
//! | [`reader`] | an actor: reads orders that have moved on |
//! | [`request`] | the commands as API Gateway passes them on |
//! | [`replay`] | an actor: replays the read models meanwhile |
//! | [`trigger`] | an actor: delivers a stream's records to a projection |
//! | [`history`] | what was asked and answered |
//! | [`invariants`] | what must hold at the end |
//! | [`linearizability`] | whether the answers are those of some sequence of the commands |
//!
//! What a seed does not pin: the ids and times in events (the functions make them from the system's clock and random
//! numbers), and with them the order of orders of one customer. No actor's course depends on them.

mod client;
mod database;
mod dynamodb;
mod faults;
mod history;
mod invariants;
mod linearizability;
mod reader;
mod replay;
mod replica;
mod request;
mod trigger;
mod world;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use futures::future::{LocalBoxFuture, join, join_all};
use lambda_edge::Environment;
use tokio::time::timeout;

use crate::projections::TRIGGERS;

use client::Client;
use faults::Faults;
use trigger::Trigger;
use world::World;

const ORDERS: usize = 3;
const CLIENTS: usize = 5;
const COMMANDS_PER_CLIENT: usize = 15;

/// How many deliveries of a projection's trigger run at once.
const DELIVERIES: usize = 2;

/// Virtual time: a run takes a few minutes of it.
const LONGEST_RUN: Duration = Duration::from_secs(3_600);

/// How many seeds an ordinary test run takes: at least the first number, and more until all has happened that must.
const SEEDS: RangeInclusive<u64> = 5..=60;

/// What came of a run.
struct Run {
    trace: Vec<String>,
    invariants: Result<(), String>,
}

/// One run, from its seed.
fn run(seed: u64) -> Run {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(async {
            let world = World::new(ORDERS).await;
            // Also where the event store and the SDK draw their pauses. Not before: what libraries draw while they are set up
            // would make another run of each seed.
            fastrand::seed(seed);
            let invariants = match timeout(LONGEST_RUN, act(&world)).await {
                Ok(()) => invariants::check(&world).await,
                Err(_) => Err("the run does not come to an end".to_owned()),
            };
            Run {
                trace: world.dynamodb.trace(),
                invariants,
            }
        })
}

/// All actors at once; at the end the faults are over and everything is delivered.
async fn act(world: &World) {
    world.dynamodb.set_faults(Faults::draw());
    let triggers = TRIGGERS.map(|(table, projection)| Trigger::new(world, table, projection));

    // Those that come to an end.
    let mut actors: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    let longest_pause_ms = [10, 60, 300][fastrand::usize(..3)];
    for number in 0..CLIENTS {
        let client = Client::new(world, format!("client-{number}"), longest_pause_ms);
        actors.push(Box::pin(client.run(COMMANDS_PER_CLIENT)));
    }
    actors.push(Box::pin(replay::run(world, "replay")));
    // Those that go on until the run is over.
    let mut followers: Vec<LocalBoxFuture<'_, ()>> = vec![Box::pin(reader::run(world, "reader"))];
    for number in 0..DELIVERIES {
        for trigger in &triggers {
            followers.push(Box::pin(trigger.deliver(format!("{}-{number}", trigger.binary))));
        }
    }
    let all = async {
        join_all(actors).await;
        world.calm_down().await;
    };
    join(all, join_all(followers)).await;

    for trigger in &triggers {
        trigger.drain().await;
    }
}

/// What must happen in some run at least, lest the simulation proves nothing; as it stands in a trace.
const MUST_HAPPEN: [&str; 17] = [
    ON_A_KEPT_STATE,
    "200 LoseAnswer",
    "200 AnswerWith500",
    "ThrottlingException",
    "InternalServerError",
    "TransactionConflictException",
    "PutItem EventStore: 400 None", // another writer was faster
    "TransactWriteItems EventStore: 200",
    "crashes",
    "replay crashes",
    "PutItem Replays: 200",
    "PutItem Snapshots: 200",
    "GetItem Snapshots: 200",
    "never sent",
    "no answer",
    "replayed: true",
    "invalid_transition",
];

/// This one is told by several lines: [`has_append_without_read`].
const ON_A_KEPT_STATE: &str = "an append without a read";

/// Whether a command on an order that was there has been appended without a read.
fn has_append_without_read(trace: &[String]) -> bool {
    let (mut has_read, mut has_put) = (BTreeSet::new(), BTreeSet::new());
    trace.iter().any(|line| {
        let words: Vec<_> = line.split_whitespace().skip(2).collect();
        match words[..] {
            [actor, "Query", "EventStore:", ..] => {
                has_read.insert(actor);
            }
            [actor, "PutItem", "EventStore:", "200", ..] if !has_read.contains(actor) => {
                has_put.insert(actor);
            }
            // `client-3-7 SubmitOrder: …`: the end of its seventh command.
            [command, name, ..] if name.ends_with(':') => {
                let actor = command.rsplit_once('-').map_or("", |(actor, _)| actor);
                let was_put = has_put.remove(actor);
                return !has_read.remove(actor) && was_put && name != "CreateOrder:";
            }
            _ => {}
        }
        false
    })
}

/// Runs the seeds, as many at once as there are processors, until one fails. Returns what must happen, and did not.
fn simulate(seeds: impl Iterator<Item = u64> + Send) -> BTreeSet<&'static str> {
    let seeds = Mutex::new(seeds);
    let failed = Mutex::new(None);
    let missing = Mutex::new(BTreeSet::from(MUST_HAPPEN));
    let next = || match *failed.lock().unwrap() {
        None => seeds.lock().unwrap().next(),
        Some(_) => None,
    };
    let work = || {
        while let Some(seed) = next() {
            // A panic is a finding like any other; it has told of itself.
            let found = match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                Ok(Run { trace, invariants }) => {
                    let happened = |what: &&str| match *what {
                        ON_A_KEPT_STATE => has_append_without_read(&trace),
                        what => trace.iter().any(|line| line.contains(what)),
                    };
                    missing.lock().unwrap().retain(|what| !happened(what));
                    invariants
                }
                Err(_) => Err("a panic (above)".to_owned()),
            };
            if let Err(violation) = found {
                failed.lock().unwrap().get_or_insert((seed, violation));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some((seed, violation)) = failed.into_inner().unwrap() {
        panic!("seed {seed}: {violation}\nTo repeat it: make simulate SEED={seed}");
    }
    missing.into_inner().unwrap()
}

/// The number in an environment variable, if it is set.
fn number(variable: &'static str) -> Option<u64> {
    let env = Environment::of_process();
    env.non_empty(variable)?;
    let number = env.parsed(variable, "a whole number");
    Some(number.unwrap_or_else(|error| panic!("{error}")))
}

/// `SEED`: that run only, with its trace. `SEEDS`: so many runs, of seeds that nobody has chosen.
#[test]
fn whatever_goes_wrong_the_invariants_hold() {
    if let Some(seed) = number("SEED") {
        let Run { trace, invariants } = run(seed);
        println!("{}", trace.join("\n"));
        invariants.unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        return;
    }
    match number("SEEDS") {
        None => {
            let mut missing = simulate(1..=*SEEDS.start());
            for seed in SEEDS.skip(1) {
                if missing.is_empty() {
                    break;
                }
                missing = &missing & &simulate(seed..=seed);
            }
            assert_eq!(missing, BTreeSet::new(), "did not happen");
        }
        Some(seeds) => {
            let first = fastrand::u64(..1 << 32);
            println!("the seeds {first} to {}", first + seeds - 1);
            let missing = simulate(first..first + seeds);
            println!("what did not happen: {missing:?}");
        }
    }
}

#[test]
fn a_seed_is_one_run() {
    let (first, again) = (run(7).trace, run(7).trace);
    let differs = first.iter().zip(&again).find(|(one, other)| one != other);
    assert_eq!(differs, None);
    assert_eq!(first.len(), again.len());
    assert!(first.len() > 100, "{} things happened", first.len());
}
