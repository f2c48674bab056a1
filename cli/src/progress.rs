//! How far a command is. Shown on stderr, and only to a terminal.

use std::time::Duration;

use event_store::backup::{ImportProgress, ImportStep};
use indicatif::{ProgressBar, ProgressStyle};

/// A line that says what is being done and how many events are done.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new(step: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(step);
        // A template that does not parse leaves the bar with its usual looks.
        if let Ok(style) = ProgressStyle::with_template("{msg}: {human_pos} events, {per_sec}, {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub fn events(&self, done: u64) {
        self.0.set_position(done);
    }

    pub fn import(&self, progress: ImportProgress) {
        let step = match progress.step {
            ImportStep::CheckingFile => "Checking the file",
            ImportStep::CheckingTable => "Checking the event store",
            ImportStep::Writing => "Writing",
            ImportStep::Verifying => "Verifying",
        };
        if progress.done == 1 {
            self.0.reset_elapsed();
            self.0.reset_eta();
        }
        if self.0.message() != step {
            self.0.set_message(step);
        }
        self.0.set_position(progress.done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
