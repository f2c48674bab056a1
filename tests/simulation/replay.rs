//! An actor: replays all read models while everything goes on, crashes, and goes on where it was.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use operations::{Difference, Observer, Plan, Purpose, Replay, ReplayError, Replayer, Scope, Status, Stop};

use super::world::{World, pause};

/// Of the function `replay` in template.yaml.
const TIME_LIMIT: Duration = Duration::from_secs(900);

/// How many replays there are, one after the other.
const REPLAYS: usize = 2;

pub async fn run(world: &World, name: &str) {
    for _ in 0..REPLAYS {
        let begun = Replay::new(plan(Purpose::Rebuild), Status::Running, None);
        loop {
            pause(400).await;
            // A process of its own each time: what it knows, it has from the table.
            let run = carry_on(world, name, &begun);
            if let Some(Ok(())) = world.until_crash(name, TIME_LIMIT, run).await {
                break;
            }
        }
    }
}

fn plan(purpose: Purpose) -> Plan {
    Plan {
        segments: fastrand::u32(1..=3),
        batch: fastrand::usize(1..=20),
        ..Plan::new(
            purpose,
            Scope::Everything,
            &["order-summary", "customer-orders", "daily-orders", "order-search"],
        )
    }
}

/// What a dry run finds, for which the faults must be over.
pub async fn verify(world: &World) -> Vec<Difference> {
    let client = Client::new(&world.config_of("verify"));
    let replayer = Replayer::from_env(&world.environment("replay"), client).unwrap();
    let begun = replayer.create(plan(Purpose::Verify), Status::Running).await.unwrap();
    let done = replayer.run(begun, &Stop::default(), &Quiet).await.unwrap();
    done.differences
}

async fn carry_on(world: &World, name: &str, begun: &Replay) -> Result<(), ReplayError> {
    let client = Client::new(&world.config_of(name));
    let replayer = Replayer::from_env(&world.environment("replay"), client)
        .unwrap()
        .with_checkpoints_every(Duration::from_millis(fastrand::u64(..500)));
    let replays = replayer.replays();
    let replay = match replays.get(&begun.replay_id).await? {
        None => {
            replays.create(begun).await?;
            begun.clone()
        }
        Some(done) if done.status == Status::Done => return Ok(()),
        Some(left) => {
            let next = replays.next_run(left, Status::Running).await?;
            next.ok_or(ReplayError::TakenOver)?
        }
    };
    replayer.run(replay, &Stop::default(), &Quiet).await?;
    Ok(())
}

struct Quiet;

impl Observer for Quiet {
    fn progressed(&self, _: &Replay) {}
    fn found(&self, _: &Difference) {}
}
