//! The wish to stop, seen by everything that runs in the background.

use std::time::Duration;

use tokio::sync::watch;

/// Dropping the sender is such a wish, too.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn channel() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    pub(crate) async fn requested(&mut self) {
        // An error says that the sender is gone.
        let _ = self.0.wait_for(|requested| *requested).await;
    }

    /// Returns false when the wish to stop cut the sleep short.
    pub(crate) async fn sleep(&mut self, duration: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(duration) => true,
            () = self.requested() => false,
        }
    }
}
