//! How far a command is. Shown on stderr, and only to a terminal.

use std::fmt;
use std::time::Duration;

use event_store::backup::{ImportProgress, ImportStep};
use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use read_models::replay::progress::Position;
use read_models::replay::{Purpose, Replay};

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

/// A bar that says how many events of a replay are done, how fast, how many remain, and until when.
pub struct ReplayProgress(ProgressBar);

const WITH_TOTAL: &str = "{msg} [{bar:32}] {human_pos} of about {human_len} events, {rate}, {remaining}";
const WITHOUT_TOTAL: &str = "{msg}: {human_pos} events, {rate}, {elapsed}";

fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // It goes to a terminal; what cannot be shown there is not missed.
    let _ = write!(out, "{:.0}/s", state.per_sec());
}

fn remaining(state: &ProgressState, out: &mut dyn fmt::Write) {
    let events = state.len().unwrap_or_default().saturating_sub(state.pos());
    let _ = match state.per_sec() >= 1.0 {
        true => write!(out, "{events} left for about {}", HumanDuration(state.eta())),
        false => write!(out, "{events} left"),
    };
}

impl ReplayProgress {
    pub fn new(replay: &Replay) -> Self {
        let (bar, template) = match replay.events_total {
            Some(total) => (ProgressBar::new(total), WITH_TOTAL),
            None => (ProgressBar::no_length(), WITHOUT_TOTAL),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style = style.with_key("rate", rate).with_key("remaining", remaining);
            bar.set_style(style.progress_chars("=> "));
        }
        // What earlier runs have done is not of this one's speed.
        bar.set_position(replay.counts.events);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(200));
        let progress = Self(bar);
        progress.show(replay);
        progress
    }

    pub fn show(&self, replay: &Replay) {
        let looks_at_rows = |position: &Position| matches!(position, Position::Rows { .. } | Position::Done);
        let message = match replay.plan.purpose {
            _ if replay.segments.iter().all(looks_at_rows) => "Looking for rows that no events account for",
            Purpose::Rebuild => "Replaying",
            Purpose::Verify => "Verifying",
        };
        if self.0.message() != message {
            self.0.set_message(message);
        }
        // The total is a few hours old.
        if self.0.length().is_some_and(|total| total < replay.counts.events) {
            self.0.set_length(replay.counts.events);
        }
        self.0.set_position(replay.counts.events);
    }
}

impl Drop for ReplayProgress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
