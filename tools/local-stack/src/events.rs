//! EventBridge: the template's event buses, whose rules put events into queues.
//!
//! - this module: what is running, and the faults that tests ask for
//! - `endpoint`: EventBridge's API
//! - `rules`: from an entry to an event, and to the queues that get it

mod endpoint;
mod rules;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::listen::Listeners;
use crate::options::BusFaults;
use crate::queues::{Queues, StoreError};
use crate::stop::Stop;
use crate::template::Template;
use rules::Event;

/// Messages that [`BusFaults::shuffle`] holds back come within this time: some overtake what a function does in turn.
const MAX_SHUFFLE_DELAY: Duration = Duration::from_millis(200);

pub(crate) struct Bus {
    template: Template,
    queues: Arc<Queues>,
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

    /// Serves PutEvents until it is to stop; the task ends once all running requests have.
    pub(crate) fn serve(self: &Arc<Self>, listeners: Listeners, mut stop: Stop) -> JoinHandle<io::Result<()>> {
        let router = endpoint::router(Arc::clone(self));
        let server = axum::serve(listeners, router).with_graceful_shutdown(async move { stop.requested().await });
        tokio::spawn(server.into_future())
    }

    pub(crate) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
    }

    fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    /// Stores an event in the queues of all rules that it matches.
    async fn deliver(&self, event: &Event) -> Result<(), StoreError> {
        for queue in event.targets(&self.template.rules) {
            let copies = if self.faults.deliver_twice { 2 } else { 1 };
            for _ in 0..copies {
                self.queues.send(queue, event.body(), self.delay()).await?;
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
