//! What a run does with one order: its rows written again, or compared.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use projector::{Parked, StreamConsumer};
use read_models::OrderSummaryRow;
use read_models::order_summary::OrderSummaryProjection;
use read_models::read_model::{Comparison, ReadModel, Shown};

use crate::control::ReplayError;
use crate::fold::{Folded, Unreadable};
use crate::plan::Purpose;
use crate::progress::{Difference, What};
use crate::run::{Batch, Run};

/// How long a row may be behind an order that has just changed before it counts as a difference.
const MAX_LAG: TimeDelta = TimeDelta::seconds(30);
const LAG_CHECKS: u32 = 10;
const LAG_PAUSE: Duration = Duration::from_millis(300);

impl Run<'_> {
    /// Shows an order in every read model, or compares it with what they show.
    pub(crate) async fn replay_order(&self, folded: Folded) -> Result<Batch, ReplayError> {
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
        if let Some(Unreadable { reason, is_newer }) = &folded.unreadable {
            // It is this projection that reads events, whichever read model is replayed.
            let entry = Parked::new(OrderSummaryProjection::NAME, &folded.aggregate_id, &[], reason.clone());
            let entry = if *is_newer { entry.awaiting_newer_code() } else { entry };
            self.patiently(|| self.parked.park_unless_parked(&entry)).await?;
        }
        Ok(written)
    }

    async fn verify(&self, model: &dyn ReadModel, folded: &Folded) -> Result<Option<What>, ReplayError> {
        match (&folded.order, &folded.unreadable) {
            (_, Some(unreadable)) => Ok(Some(What::Unreadable(unreadable.reason.clone()))),
            (Some(order), None) => self.compare(model, order).await,
            (None, None) => Ok(None),
        }
    }

    /// How many rows were written.
    async fn show(&self, model: &dyn ReadModel, order: &OrderSummaryRow) -> Result<u64, ReplayError> {
        let places = model.places_of(order)?;
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
                for place in &places {
                    self.patiently(|| model.remove(place, Some(version))).await?;
                }
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
}
