//! `replay` and `verify`.

use std::collections::BTreeSet;
use std::future::pending;
use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use domain::order::OrderId;
use dynamodb::patience::patiently;
use operations::plan::{DEFAULT_BATCH, DEFAULT_SEGMENTS, MAX_BATCH, MAX_SEGMENTS};
use operations::views::ReplayView;
use operations::{Difference, Observer, Plan, Purpose, Replay, ReplayError, Replayer, Scope, Status, Stop};
use read_models::projections;
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::error::CliError;
use crate::outcome::{Outcome, print};
use crate::progress::ReplayProgress;

/// How often a replay that the function carries out is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// What is to be replayed, and who does it.
#[derive(Debug, Args)]
pub struct Options {
    /// Only what this projection keeps, or only the read model of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    projection: Vec<String>,
    /// Only this order
    #[arg(long, value_name = "ID", conflicts_with = "since")]
    order: Option<OrderId>,
    /// Only orders to which something has happened since then, such as 2026-11-20 (its midnight in UTC) or
    /// 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Parts of the table that are worked on at once
    #[arg(long, default_value_t = DEFAULT_SEGMENTS, value_parser = within::<u32>(MAX_SEGMENTS.into()))]
    segments: u32,
    /// Events that are read at once
    #[arg(long, default_value_t = DEFAULT_BATCH, value_parser = within::<usize>(MAX_BATCH as u64))]
    batch: usize,
    /// Go on with the replay of this id; it keeps what it was to do
    #[arg(long, value_name = "REPLAY_ID", conflicts_with_all = ["projection", "order", "since", "segments", "batch"])]
    resume: Option<String>,
    /// Have the replay function carry it out, and only watch
    #[arg(long)]
    background: bool,
}

/// A number from 1 to `max`.
fn within<T: TryFrom<u64> + Clone + Send + Sync + 'static>(max: u64) -> RangedU64ValueParser<T> {
    RangedU64ValueParser::new().range(1..=max)
}

/// A moment, or the midnight with which a day begins.
fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let day = || {
        text.parse()
            .map(|day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc())
    };
    text.parse()
        .or_else(|_| day())
        .map_err(|_| "must be a moment such as 2026-11-20T12:00:00Z, or a day such as 2026-11-20")
}

pub async fn run(
    connection: &Connection,
    purpose: Purpose,
    options: Options,
    out: &mut dyn Write,
) -> Result<Outcome, CliError> {
    let replayer = connection.replayer()?;
    let in_background = options.background;
    let replay = begin(&replayer, purpose, options).await?;
    let id = replay.replay_id.clone();
    eprintln!("Replay {id}");
    let bar = ReplayProgress::new(&replay);
    let ended = match (replay.status, in_background) {
        (Status::Done, _) => Some(replay),
        (_, true) => watch(&replayer, &id, &bar, out).await?,
        (_, false) => carry_out(&replayer, replay, &bar, out).await?,
    };
    drop(bar);
    let Some(replay) = ended else {
        return Err(match in_background {
            true => CliError::Unwatched { id },
            false => CliError::Stopped { id },
        });
    };
    if let Scope::Order(order_id) = replay.plan.scope
        && replay.counts.orders == 0
    {
        return Err(CliError::NoSuchOrder { order_id });
    }
    let is_right = replay.counts.differences == 0 && replay.counts.unreadable == 0;
    let summary = ReplayView {
        // They have been printed, as far as they are known here.
        differences: Vec::new(),
        ..ReplayView::from(replay)
    };
    print(out, &summary)?;
    Ok(if is_right { Outcome::Done } else { Outcome::Incomplete })
}

/// A new replay, or the next run of one.
async fn begin(replayer: &Replayer, purpose: Purpose, options: Options) -> Result<Replay, CliError> {
    let status = match options.background {
        true => Status::Requested,
        false => Status::Running,
    };
    let Some(id) = options.resume else {
        let scope = match (options.order, options.since) {
            (Some(order_id), _) => Scope::Order(order_id),
            (None, Some(since)) => Scope::Since(since),
            (None, None) => Scope::Everything,
        };
        let mut plan = Plan {
            segments: options.segments,
            batch: options.batch,
            ..Plan::new(purpose, scope, &replayer.read_models())
        };
        if !options.projection.is_empty() {
            plan.read_models = read_models(options.projection, replayer.read_models())?;
        }
        return Ok(replayer.create(plan, status).await?);
    };
    let found = replayer.replays().get(&id).await?;
    match found.ok_or(ReplayError::Unknown(id.clone()))? {
        other if other.plan.purpose != purpose => Err(CliError::OtherPurpose { id }),
        done if done.status == Status::Done => Ok(done),
        left => Ok(replayer
            .replays()
            .next_run(left, status)
            .await?
            .ok_or(ReplayError::TakenOver)?),
    }
}

/// The read models that `names` stand for, which are names of projections or `known` ones of read models.
fn read_models(names: Vec<String>, mut known: Vec<&'static str>) -> Result<Vec<String>, CliError> {
    for name in projections::NAMES {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let name = name.clone();
        return Err(CliError::NoSuchProjection { name, known });
    }
    let meant: BTreeSet<_> = names
        .iter()
        .flat_map(|name| projections::read_models_of(name))
        .collect();
    Ok(meant.into_iter().collect())
}

/// Carries the replay out here. `None` when it was stopped by Ctrl-C.
async fn carry_out(
    replayer: &Replayer,
    replay: Replay,
    bar: &ReplayProgress,
    out: &mut dyn Write,
) -> Result<Option<Replay>, CliError> {
    let (sender, mut differences) = mpsc::unbounded_channel();
    let (stop, observer) = (Stop::default(), Watcher { bar, sender });
    let mut work = pin!(replayer.run(replay, &stop, &observer));
    let mut interrupted = pin!(interrupted());
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended?,
            () = &mut interrupted, if !stop.is_set() => stop.now(),
            Some(difference) = differences.recv() => print(out, &difference)?,
        }
    };
    while let Ok(difference) = differences.try_recv() {
        print(out, &difference)?;
    }
    Ok((ended.status == Status::Done).then_some(ended))
}

/// Watches the replay function. `None` when the watching was stopped by Ctrl-C.
async fn watch(
    replayer: &Replayer,
    id: &str,
    bar: &ReplayProgress,
    out: &mut dyn Write,
) -> Result<Option<Replay>, CliError> {
    let mut interrupted = pin!(interrupted());
    loop {
        let found = patiently(|| replayer.replays().get(id)).await?;
        let replay = found.ok_or_else(|| ReplayError::Unknown(id.to_owned()))?;
        bar.show(&replay);
        if replay.status == Status::Done {
            for difference in &replay.differences {
                print(out, difference)?;
            }
            if replay.counts.differences > replay.differences.len() as u64 {
                eprintln!("Only the first {} differences are known here", replay.differences.len());
            }
            return Ok(Some(replay));
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH_EVERY) => {}
            () = &mut interrupted => return Ok(None),
        }
    }
}

/// Ends with Ctrl-C.
pub async fn interrupted() {
    // An error says that there is no Ctrl-C to wait for.
    if tokio::signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}

/// Shows how far the replay is, and hands on what it finds.
struct Watcher<'a> {
    bar: &'a ReplayProgress,
    sender: mpsc::UnboundedSender<Difference>,
}

impl Observer for Watcher<'_> {
    fn progressed(&self, replay: &Replay) {
        self.bar.show(replay);
    }

    fn found(&self, difference: &Difference) {
        // The receiver lives as long as the replay runs.
        let _ = self.sender.send(difference.clone());
    }
}
