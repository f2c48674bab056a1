//! One run of a replay: its segments read events, and write rows or compare them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Display;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Aggregate;
use domain::order::Order;
use dynamodb::patience::patiently;
use dynamodb::{Passes, Segment};
use event_store::EventStore;
use event_store::by_time::{self, EventQuery};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use projector::ParkedEvents;
use read_models::OrderSummaryRow;
use read_models::read_model::{PlacedRow, ReadModel, RowKey};
use read_models::totals::{Recount, Recounted};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::control::{Observer, ReplayError, Stop};
use crate::fold::{Finished, Folded, Open, fold_stream};
use crate::plan::{Plan, Purpose, Scope};
use crate::progress::{Counts, Difference, MAX_KEPT_DIFFERENCES, Position, Replay, What};
use crate::replays::Replays;

/// How many orders of a batch are worked on at once.
const CONCURRENT_ORDERS: usize = 16;

/// How long a batch may go on when the replay is to stop.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// What a batch has done.
#[derive(Default)]
pub(crate) struct Batch {
    pub counts: Counts,
    differences: Vec<Difference>,
}

/// A run of a replay: what all its segments share.
pub(crate) struct Run<'a> {
    pub events: &'a EventStore,
    pub parked: &'a ParkedEvents,
    pub replays: &'a Replays,
    pub checkpoint_every: Duration,
    pub plan: Plan,
    pub started_at: DateTime<Utc>,
    pub read_models: Vec<Arc<dyn ReadModel>>,
    pub stop: &'a Stop,
    pub observer: &'a dyn Observer,
    pub progress: Mutex<Progress>,
    /// Orders that a replay since a moment has done: each may have events on many pages.
    pub done: Mutex<HashSet<String>>,
}

pub(crate) struct Progress {
    pub replay: Replay,
    pub saved_at: Instant,
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
    pub async fn segments(&self) -> Result<(), ReplayError> {
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
            let of_order = order.map(|order| model.places_of(&order)).transpose()?;
            places.insert(first.key.aggregate_id, of_order);
        }
        rows.retain(|row| {
            let of_order = row.order_id.and_then(|order_id| places.get(&order_id.to_string()));
            of_order.is_none_or(|places| places.as_ref().is_some_and(|places| !places.contains(&row.key)))
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

    pub async fn fold_stream(&self, aggregate_id: &str) -> Result<Folded, ReplayError> {
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
        if saved_at.elapsed() >= self.checkpoint_every {
            if !self.patiently(|| self.replays.save(replay)).await? {
                return Err(ReplayError::TakenOver);
            }
            *saved_at = Instant::now();
        }
        Ok(())
    }

    /// Repeats what DynamoDB does not serve now, until it does or the replay is to stop.
    pub async fn patiently<T, E, Fut>(&self, work: impl Fn() -> Fut) -> Result<T, ReplayError>
    where
        E: Passes + Display + Into<ReplayError>,
        Fut: Future<Output = Result<T, E>>,
    {
        self.unless_stopped(patiently(work)).await?.map_err(E::into)
    }

    /// The outcome of what may take long. What is under way when the stop comes has a moment to end.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, ReplayError> {
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
        self.events
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
    pub fn found(&mut self, difference: Difference) {
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
