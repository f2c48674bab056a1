//! Carries a replay out: run, stop, go on.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Aggregate;
use domain::order::Order;
use environment::{ConfigError, Environment};
use event_store::by_time::{self, EventQuery};
use event_store::patience::patiently;
use event_store::scan::Segment;
use event_store::{EventStore, StoreError};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use projector::{Parked, ParkedEvents, StreamConsumer};
use read_models::order_summary::OrderSummaryProjection;
use read_models::read_model::{Comparison, PlacedRow, ReadModel, RowKey, Shown};
use read_models::totals::{Recount, Recounted};
use read_models::{OrderSummaryRow, projections};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::fold::{Finished, Folded, Open, fold_stream};
use crate::plan::{InvalidPlan, Plan, Purpose, Scope};
use crate::progress::{Counts, Difference, MAX_KEPT_DIFFERENCES, Position, Replay, Status, What};
use crate::replays::Replays;

/// How many orders of a batch are worked on at once.
const CONCURRENT_ORDERS: usize = 16;

/// How often a checkpoint is written. What was done since the last one is done again after a crash.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(2);

/// How long a batch may go on when the replay is to stop.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// How long a row may be behind an order that has just changed before it counts as a difference.
const MAX_LAG: TimeDelta = TimeDelta::seconds(30);
const LAG_CHECKS: u32 = 10;
const LAG_PAUSE: Duration = Duration::from_millis(300);

/// Carries replays out.
#[derive(Clone)]
pub struct Replayer {
    events: EventStore,
    read_models: Vec<Arc<dyn ReadModel>>,
    parked: ParkedEvents,
    replays: Replays,
    checkpoint_every: Duration,
}

/// A replay did not go on. It goes on from its last checkpoint in the next run.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Plan(#[from] InvalidPlan),
    #[error("there is no replay {0}")]
    Unknown(String),
    #[error("another process goes on with the replay")]
    TakenOver,
    /// It was told to stop while it waited.
    #[error("the replay was stopped")]
    Stopped,
    /// Nothing accounts for any row: most likely this is the wrong table.
    #[error("the event store has no events; the rows that there are were left alone")]
    NoEvents,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tells a running replay to stop at the next batch, or while it waits for DynamoDB.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Cannot be taken back.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    async fn wait(&self) {
        // An error says that nobody can set it any more, which is not so while `self` is there.
        let _ = self.0.subscribe().wait_for(|is_set| *is_set).await;
    }
}

/// Watches a replay.
pub trait Observer: Sync {
    /// After each batch.
    fn progressed(&self, replay: &Replay);
    /// A row that is not what the events say.
    fn found(&self, difference: &Difference);
}

/// What a batch has done.
#[derive(Default)]
struct Batch {
    counts: Counts,
    differences: Vec<Difference>,
}

/// A run of a replay: what all its segments share.
struct Run<'a> {
    replayer: &'a Replayer,
    plan: Plan,
    started_at: DateTime<Utc>,
    read_models: Vec<Arc<dyn ReadModel>>,
    stop: &'a Stop,
    observer: &'a dyn Observer,
    progress: Mutex<Progress>,
    /// Orders that a replay since a moment has done: each may have events on many pages.
    done: Mutex<HashSet<String>>,
}

struct Progress {
    replay: Replay,
    saved_at: Instant,
}

impl Replayer {
    /// For all read models that there are.
    ///
    /// # Errors
    /// When the environment lacks a variable.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        let events = EventStore::from_env(env, client.clone())?;
        let read_models = projections::read_models(env, &client)?;
        let parked = ParkedEvents::from_env(env, client.clone())?;
        Ok(Self::new(events, read_models, parked, Replays::from_env(env, client)?))
    }

    pub fn new(
        events: EventStore,
        read_models: Vec<Arc<dyn ReadModel>>,
        parked: ParkedEvents,
        replays: Replays,
    ) -> Self {
        Self {
            events,
            read_models,
            parked,
            replays,
            checkpoint_every: CHECKPOINT_EVERY,
        }
    }

    /// The same with another time between checkpoints, for tests.
    pub fn with_checkpoints_every(self, checkpoint_every: Duration) -> Self {
        Self {
            checkpoint_every,
            ..self
        }
    }

    pub fn replays(&self) -> &Replays {
        &self.replays
    }

    /// The names of the read models that can be replayed.
    pub fn read_models(&self) -> Vec<&'static str> {
        self.read_models.iter().map(|model| model.name()).collect()
    }

    /// Writes down a new replay, which has not begun.
    ///
    /// # Errors
    /// [`ReplayError::Plan`] when it cannot be carried out, or what DynamoDB said.
    pub async fn create(&self, plan: Plan, status: Status) -> Result<Replay, ReplayError> {
        let plan = plan.check(&self.read_models())?;
        let events_total = match plan.scope {
            Scope::Everything => Some(self.events.approximate_count().await?),
            Scope::Since(_) | Scope::Order(_) => None,
        };
        let replay = Replay::new(plan, status, events_total);
        self.replays.create(&replay).await?;
        Ok(replay)
    }

    /// Carries `replay` on until it is through or told to stop. Says how far it came.
    ///
    /// # Errors
    /// [`ReplayError`]; the replay can be run again.
    pub async fn run(&self, replay: Replay, stop: &Stop, observer: &dyn Observer) -> Result<Replay, ReplayError> {
        let wanted = |model: &&Arc<dyn ReadModel>| replay.plan.read_models.iter().any(|name| name == model.name());
        let run = Run {
            replayer: self,
            plan: replay.plan.clone().check(&self.read_models())?,
            started_at: replay.started_at,
            read_models: self.read_models.iter().filter(wanted).cloned().collect(),
            stop,
            observer,
            done: Mutex::default(),
            progress: Mutex::new(Progress {
                saved_at: Instant::now(),
                replay,
            }),
        };
        let outcome = run.segments().await;
        let mut replay = run.progress.into_inner().replay;
        if replay.is_through() {
            replay.status = Status::Done;
        }
        replay.updated_at = Utc::now();
        // Also after an error: what was done need not be done again.
        let is_ours = self.replays.save(&replay).await;
        match outcome {
            Ok(()) | Err(ReplayError::Stopped) => {}
            Err(error) => return Err(error),
        }
        match is_ours? {
            true => Ok(replay),
            false => Err(ReplayError::TakenOver),
        }
    }
}

/// How far the segments go before they wait for each other.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    Rows,
    Done,
}

impl Run<'_> {
    /// All segments at once, the rows only when all are through with the events: what a lost row accounted for would else be
    /// removed while another segment writes it again.
    async fn segments(&self) -> Result<(), ReplayError> {
        let segments = self.progress.lock().await.replay.segments.len();
        for until in [Until::Rows, Until::Done] {
            try_join_all((0..segments).map(|number| self.segment(number, until))).await?;
        }
        Ok(())
    }

    async fn segment(&self, number: usize, until: Until) -> Result<(), ReplayError> {
        loop {
            let position = self.progress.lock().await.replay.segments[number].clone();
            match position {
                _ if self.stop.is_set() => return Ok(()),
                Position::Rows { .. } if until == Until::Rows => return Ok(()),
                Position::Events(_) => self.events(number, position).await?,
                Position::Since(after) => self.since(number, after).await?,
                Position::Order => self.order(number).await?,
                Position::Rows { read_model, after } => self.rows(number, read_model, after).await?,
                Position::Done => return Ok(()),
            }
        }
    }

    /// Replays the events of a segment of the table, until it is through or told to stop.
    async fn events(&self, number: usize, checkpoint: Position) -> Result<(), ReplayError> {
        let Position::Events(mut after) = checkpoint.clone() else {
            return Ok(());
        };
        let mut checkpoint = checkpoint;
        let mut open: Option<Open> = None;
        while !self.stop.is_set() {
            let page = self
                .patiently(|| self.store().scan(self.part(number), self.plan.batch, after.as_ref()))
                .await?;
            let mut complete = Vec::new();
            for event in page.events {
                match &mut open {
                    Some(open) if open.is_of(&event) => open.take(event),
                    _ => complete.extend(open.replace(Open::begin(event))),
                }
            }
            if page.next.is_none() {
                complete.extend(open.take());
            } else if let Some(open) = &mut open {
                open.fold();
            }
            if let Some(last) = complete.last() {
                // An order that is still open is begun again when another process goes on.
                checkpoint = Position::Events(Some(last.last.clone()));
            }
            if page.next.is_none() {
                checkpoint = Position::Rows {
                    read_model: 0,
                    after: None,
                };
            }
            let events: u64 = complete.iter().map(|order| order.events).sum();
            let orders = complete.into_iter().map(|open| async move {
                match open.finish() {
                    Finished::Folded(order) => self.replay_order(*order).await,
                    Finished::InDoubt(aggregate_id) => self.replay_order(self.fold_stream(&aggregate_id).await?).await,
                    Finished::NoOrder => Ok(Batch::default()),
                }
            });
            let mut batch = together(orders).await?;
            batch.counts.events += events;
            self.advance(number, checkpoint.clone(), batch).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Replays a page of the orders to which something has happened since a moment.
    async fn since(&self, number: usize, after: Option<by_time::Place>) -> Result<(), ReplayError> {
        let Scope::Since(since) = self.plan.scope else {
            return self.advance(number, Position::Done, Batch::default()).await;
        };
        let query = EventQuery {
            event_types: Order::EVENT_TYPES,
            // What happens later is projected as it happens.
            time: since..self.started_at,
            correlation_id: None,
            segment: self.part(number),
        };
        let page = self
            .patiently(|| self.store().query_events(&query, self.plan.batch, after.as_ref()))
            .await?;
        let mut orders: BTreeSet<_> = page.events.iter().map(|event| event.aggregate_id.clone()).collect();
        {
            let mut done = self.done.lock().await;
            orders.retain(|aggregate_id| done.insert(aggregate_id.clone()));
        }
        let orders = orders
            .into_iter()
            .map(|aggregate_id| async move { self.replay_order(self.fold_stream(&aggregate_id).await?).await });
        let mut batch = together(orders).await?;
        batch.counts.events += page.events.len() as u64;
        let position = page.next.map_or(Position::Done, |next| Position::Since(Some(next)));
        self.advance(number, position, batch).await
    }

    /// Replays the one order that is meant.
    async fn order(&self, number: usize) -> Result<(), ReplayError> {
        let mut batch = Batch::default();
        if let Scope::Order(order_id) = self.plan.scope {
            let order = self.fold_stream(&order_id.to_string()).await?;
            let events = order.order.as_ref().map_or(0, |order| order.version);
            batch = self.replay_order(order).await?;
            batch.counts.events += events;
        }
        self.advance(number, Position::Done, batch).await
    }

    /// Looks at a page of the rows of a read model: does each stand where an order has its row?
    async fn rows(&self, number: usize, read_model: usize, after: Option<RowKey>) -> Result<(), ReplayError> {
        let Some(model) = self.read_models.get(read_model) else {
            return self.advance(number, Position::Done, Batch::default()).await;
        };
        let page = self
            .patiently(|| model.rows(self.part(number), self.plan.batch, after.as_ref()))
            .await?;
        let extra = self.unaccounted_for(&**model, page.rows).await?;
        if self.plan.purpose == Purpose::Rebuild && !extra.is_empty() {
            let any = self.patiently(|| self.store().scan(Segment::WHOLE, 1, None)).await?;
            if any.events.is_empty() && any.next.is_none() {
                return Err(ReplayError::NoEvents);
            }
        }
        let mut batch = together(extra.into_iter().map(|row| self.extra(&**model, row))).await?;
        let recounts = page
            .partitions
            .into_iter()
            .map(|partition| self.recount(&**model, partition));
        batch += together(recounts).await?;
        let position = match page.next {
            Some(next) => Position::Rows {
                read_model,
                after: Some(next),
            },
            None => Position::Rows {
                read_model: read_model + 1,
                after: None,
            },
        };
        self.advance(number, position, batch).await
    }

    /// Those of `rows` that stand where no order has its row.
    async fn unaccounted_for(
        &self,
        model: &dyn ReadModel,
        mut rows: Vec<PlacedRow>,
    ) -> Result<Vec<PlacedRow>, ReplayError> {
        let ids: BTreeSet<_> = rows.iter().filter_map(|row| Some(row.order_id?.to_string())).collect();
        let mut places = BTreeMap::new();
        for first in self.patiently(|| self.store().first_events(&ids)).await? {
            let order = first.event.ok().zip(first.key.aggregate_id.parse().ok());
            let order = order.and_then(|(event, order_id)| OrderSummaryRow::fold(order_id, None, &[event]).0);
            // An order whose events cannot be read may stand anywhere.
            let place = order.map(|order| model.place_of(&order)).transpose()?;
            places.insert(first.key.aggregate_id, place);
        }
        rows.retain(|row| {
            let place = row.order_id.and_then(|order_id| places.get(&order_id.to_string()));
            place.is_none_or(|place| place.as_ref().is_some_and(|place| *place != row.key))
        });
        Ok(rows)
    }

    /// A row that no events account for.
    async fn extra(&self, model: &dyn ReadModel, row: PlacedRow) -> Result<Batch, ReplayError> {
        let mut batch = Batch::default();
        match self.plan.purpose {
            Purpose::Rebuild => {
                self.patiently(|| model.remove(&row.key, row.version)).await?;
                batch.counts.removed += 1;
            }
            Purpose::Verify => batch.found(Difference {
                read_model: model.name().to_owned(),
                order_id: row.order_id.map(|id| id.to_string()).unwrap_or_default(),
                what: What::Extra(row.key),
            }),
        }
        Ok(batch)
    }

    /// Looks at the totals of a partition.
    async fn recount(&self, model: &dyn ReadModel, partition: String) -> Result<Batch, ReplayError> {
        let mut batch = Batch::default();
        let what = match self.plan.purpose {
            Purpose::Rebuild => Recount::Mend,
            Purpose::Verify => Recount::Compare,
        };
        match self.patiently(|| model.recount(&partition, what)).await? {
            Recounted::Right => {}
            Recounted::Wrong if what == Recount::Mend => batch.counts.written += 1,
            Recounted::Wrong => batch.found(Difference {
                read_model: model.name().to_owned(),
                order_id: String::new(),
                what: What::Totals(partition),
            }),
            Recounted::Busy => {
                tracing::warn!(
                    read_model = model.name(),
                    "totals could not be counted, as rows were written all the time"
                );
                batch.counts.uncounted += 1;
            }
        }
        Ok(batch)
    }

    /// Shows an order in every read model, or compares it with what they show.
    async fn replay_order(&self, folded: Folded) -> Result<Batch, ReplayError> {
        let mut batch = Batch::default();
        if folded.order.is_none() && folded.unreadable.is_none() {
            return Ok(batch);
        }
        batch.counts.orders += 1;
        batch.counts.unreadable += u64::from(folded.unreadable.is_some());
        for model in &self.read_models {
            match self.plan.purpose {
                Purpose::Rebuild => batch.counts.written += self.rebuild(&**model, &folded).await?,
                Purpose::Verify => {
                    if let Some(what) = self.verify(&**model, &folded).await? {
                        batch.found(Difference {
                            read_model: model.name().to_owned(),
                            order_id: folded.aggregate_id.clone(),
                            what,
                        });
                    }
                }
            }
        }
        Ok(batch)
    }

    /// How many rows were written. What cannot be read to its end is shown as far as it can be, and parked.
    async fn rebuild(&self, model: &dyn ReadModel, folded: &Folded) -> Result<u64, ReplayError> {
        let written = match &folded.order {
            Some(order) => self.show(model, order).await?,
            None => 0,
        };
        if let Some(reason) = &folded.unreadable {
            // It is this projection that reads events, whichever read model is replayed.
            let entry = Parked::new(OrderSummaryProjection::NAME, &folded.aggregate_id, &[], reason.clone());
            self.patiently(|| self.replayer.parked.park_unless_parked(&entry))
                .await?;
        }
        Ok(written)
    }

    async fn verify(&self, model: &dyn ReadModel, folded: &Folded) -> Result<Option<What>, ReplayError> {
        match (&folded.order, &folded.unreadable) {
            (_, Some(reason)) => Ok(Some(What::Unreadable(reason.clone()))),
            (Some(order), None) => self.compare(model, order).await,
            (None, None) => Ok(None),
        }
    }

    /// How many rows were written.
    async fn show(&self, model: &dyn ReadModel, order: &OrderSummaryRow) -> Result<u64, ReplayError> {
        let place = model.place_of(order)?;
        let aggregate_id = order.order_id.to_string();
        let mut shown = self.patiently(|| model.show(order)).await?;
        loop {
            let (version, is_stale) = match shown {
                Shown::Written => return Ok(1),
                Shown::OfNewerCode => return Ok(0),
                Shown::Newer(version) => (version, false),
                Shown::Stale(version) => (version, true),
            };
            // The row was written after the scan, or by older code, or has a version that the order never had. Only a
            // whole stream can tell.
            let now = self.fold_stream(&aggregate_id).await?;
            let (Some(order), None) = (now.order, now.unreadable) else {
                return Ok(0);
            };
            if order.version < version {
                self.patiently(|| model.remove(&place, Some(version))).await?;
            } else if !is_stale {
                return Ok(0);
            }
            // Once more: what was appended before the row was removed may have found it too new to follow.
            let Some(order) = self.fold_stream(&aggregate_id).await?.order else {
                return Ok(0);
            };
            shown = self.patiently(|| model.show(&order)).await?;
        }
    }

    /// What is wrong with the row. A row may be behind an order that has changed just now, but not for long.
    async fn compare(&self, model: &dyn ReadModel, order: &OrderSummaryRow) -> Result<Option<What>, ReplayError> {
        let mut order = order.clone();
        for check in 0.. {
            let what = match self.patiently(|| model.compare(&order)).await? {
                Comparison::Same => return Ok(None),
                Comparison::Different(fields) => return Ok(Some(What::Fields(fields))),
                Comparison::Outdated => return Ok(Some(What::Outdated)),
                Comparison::OfNewerCode => return Ok(Some(What::OfNewerCode)),
                Comparison::Missing => What::Missing,
                Comparison::AtVersion(found) => What::Version {
                    expected: order.version,
                    found,
                },
            };
            let is_fresh = Utc::now() - order.updated_at < MAX_LAG;
            // The scan may have been behind the row.
            let may_be_stale = check == 0;
            if check == LAG_CHECKS || !(is_fresh || may_be_stale) {
                return Ok(Some(what));
            }
            if check > 0 {
                self.unless_stopped(tokio::time::sleep(LAG_PAUSE)).await?;
            }
            if let Some(now) = self.fold_stream(&order.order_id.to_string()).await?.order {
                order = now;
            }
        }
        Ok(None)
    }

    async fn fold_stream(&self, aggregate_id: &str) -> Result<Folded, ReplayError> {
        self.patiently(|| fold_stream(self.store(), aggregate_id)).await
    }

    /// Notes what a segment has done, and writes a checkpoint when it is time.
    async fn advance(&self, number: usize, position: Position, batch: Batch) -> Result<(), ReplayError> {
        let mut progress = self.progress.lock().await;
        let Progress { replay, saved_at } = &mut *progress;
        replay.segments[number] = position;
        replay.counts += batch.counts;
        replay.updated_at = Utc::now();
        for difference in batch.differences {
            self.observer.found(&difference);
            if replay.differences.len() < MAX_KEPT_DIFFERENCES {
                replay.differences.push(difference.kept());
            }
        }
        self.observer.progressed(replay);
        if saved_at.elapsed() >= self.replayer.checkpoint_every {
            if !self.patiently(|| self.replayer.replays.save(replay)).await? {
                return Err(ReplayError::TakenOver);
            }
            *saved_at = Instant::now();
        }
        Ok(())
    }

    /// Repeats what DynamoDB does not serve now, until it does or the replay is to stop.
    async fn patiently<T, Fut>(&self, work: impl Fn() -> Fut) -> Result<T, ReplayError>
    where
        Fut: Future<Output = Result<T, StoreError>>,
    {
        Ok(self.unless_stopped(patiently(work)).await??)
    }

    /// The outcome of what may take long. What is under way when the stop comes has a moment to end.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, ReplayError> {
        let stopped = async {
            self.stop.wait().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = stopped => Err(ReplayError::Stopped),
        }
    }

    fn store(&self) -> &EventStore {
        &self.replayer.events
    }

    fn part(&self, number: usize) -> Segment {
        Segment {
            number: number as u32,
            of: self.plan.segments,
        }
    }
}

impl AddAssign for Batch {
    fn add_assign(&mut self, other: Self) {
        self.counts += other.counts;
        self.differences.extend(other.differences);
    }
}

impl Batch {
    fn found(&mut self, difference: Difference) {
        self.counts.differences += 1;
        self.differences.push(difference);
    }
}

async fn together(
    work: impl Iterator<Item = impl Future<Output = Result<Batch, ReplayError>>>,
) -> Result<Batch, ReplayError> {
    stream::iter(work)
        .buffer_unordered(CONCURRENT_ORDERS)
        .try_fold(Batch::default(), |mut all, batch| async move {
            all += batch;
            Ok(all)
        })
        .await
}
