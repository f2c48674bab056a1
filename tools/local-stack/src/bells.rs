//! A bell for each stream, rung when there are new records, so that nobody has to ask all the time; and when there last were any.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// One bell for each table. A receiver that is busy when its bell rings hears it at its next wait.
#[derive(Clone, Default)]
pub(crate) struct Bells(Arc<Mutex<HashMap<String, watch::Sender<()>>>>);

/// When a trigger last had records: what nobody waits for need not be quick.
#[derive(Clone)]
pub(crate) struct LastRecords(Arc<Mutex<Instant>>);

impl LastRecords {
    /// The start counts as some.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(crate) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(crate) fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

impl Bells {
    pub(crate) fn of_table(&self, table: &str) -> watch::Receiver<()> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(table.to_owned()).or_default().subscribe()
    }

    pub(crate) fn ring(&self, table: &str) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(table) {
            bell.send_replace(());
        }
    }

    /// Rings all bells, for who cannot wait until somebody looks.
    pub(crate) fn ring_all(&self) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for bell in bells.values() {
            bell.send_replace(());
        }
    }
}
