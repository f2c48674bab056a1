use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::rules::Event;
use crate::options::BusFaults;
use crate::queues::{Queues, StoreError};
use crate::template::Template;

/// Messages that [`BusFaults::shuffle`] holds back come within this time: some overtake what a function does in turn.
const MAX_SHUFFLE_DELAY: Duration = Duration::from_millis(200);

pub(crate) struct Bus {
    pub(super) template: Template,
    pub(super) queues: Arc<Queues>,
    faults: BusFaults,
    random: Mutex<fastrand::Rng>,
    is_paused: AtomicBool,
}

impl Bus {
    pub(crate) fn new(template: Template, queues: Arc<Queues>, faults: BusFaults) -> Self {
        let random = Mutex::new(fastrand::Rng::with_seed(faults.shuffle.unwrap_or_default()));
        Self {
            template,
            queues,
            faults,
            random,
            is_paused: AtomicBool::new(false),
        }
    }

    pub(crate) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    /// Stores an event in the queues of all rules that it matches.
    pub(super) async fn deliver(&self, event: &Event) -> Result<(), StoreError> {
        for queue in event.targets(&self.template.rules) {
            let copies = if self.faults.deliver_twice { 2 } else { 1 };
            for _ in 0..copies {
                let none = BTreeMap::new();
                self.queues.send(queue, event.body(), none, self.delay()).await?;
            }
        }
        Ok(())
    }

    fn delay(&self) -> Duration {
        if self.faults.shuffle.is_none() {
            return Duration::ZERO;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        MAX_SHUFFLE_DELAY.mul_f64(random.f64())
    }
}
