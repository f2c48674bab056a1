//! How far a command is, on stderr: a line that moves on a terminal, and a new one now and then elsewhere.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use event_store::backup::{ImportProgress, ImportStep};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use operations::progress::Position;
use operations::{Purpose, Replay};

/// How often a line is written where there is no terminal, such as into a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What is written where there is no terminal.
struct Lines {
    is_terminal: bool,
    next: Mutex<Instant>,
}

impl Lines {
    fn beside(bar: &ProgressBar) -> Self {
        Self {
            is_terminal: !bar.is_hidden(),
            next: Mutex::new(Instant::now() + LINE_EVERY),
        }
    }

    /// The line that is due, if one is.
    fn due(&self, bar: &ProgressBar) -> Option<String> {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_terminal || now < *next {
            return None;
        }
        *next = now + LINE_EVERY;
        let total = bar
            .length()
            .map(|total| format!(" of about {total}"))
            .unwrap_or_default();
        let (step, done, per_second) = (bar.message(), bar.position(), bar.per_sec());
        Some(format!("{step}: {done}{total} events, {per_second:.0}/s"))
    }

    fn tick(&self, bar: &ProgressBar) {
        if let Some(line) = self.due(bar) {
            eprintln!("{line}");
        }
    }
}

/// A line that says what is being done and how many events are done.
pub struct Progress {
    bar: ProgressBar,
    lines: Lines,
}

impl Progress {
    pub fn new(step: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(step);
        // A template that does not parse leaves the bar with its usual looks.
        if let Ok(style) = ProgressStyle::with_template("{msg}: {human_pos} events, {per_sec}, {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        let lines = Lines::beside(&bar);
        Self { bar, lines }
    }

    pub fn events(&self, done: u64) {
        self.bar.set_position(done);
        self.lines.tick(&self.bar);
    }

    pub fn import(&self, progress: ImportProgress) {
        let step = match progress.step {
            ImportStep::CheckingFile => "Checking the file",
            ImportStep::CheckingTable => "Checking the event store",
            ImportStep::Writing => "Writing",
            ImportStep::Verifying => "Verifying",
        };
        if progress.done == 1 {
            self.bar.reset_elapsed();
            self.bar.reset_eta();
        }
        if self.bar.message() != step {
            self.bar.set_message(step);
        }
        self.events(progress.done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar that says how many events of a replay are done, how fast, how many remain, and until when.
pub struct ReplayProgress {
    bar: ProgressBar,
    lines: Lines,
}

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
        Self::on(ProgressDrawTarget::stderr(), replay)
    }

    fn on(target: ProgressDrawTarget, replay: &Replay) -> Self {
        let template = match replay.events_total {
            Some(_) => WITH_TOTAL,
            None => WITHOUT_TOTAL,
        };
        let bar = ProgressBar::with_draw_target(replay.events_total, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style = style.with_key("rate", rate).with_key("remaining", remaining);
            bar.set_style(style.progress_chars("=> "));
        }
        // What earlier runs have done is not of this one's speed.
        bar.set_position(replay.counts.events);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(200));
        let lines = Lines::beside(&bar);
        let progress = Self { bar, lines };
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
        if self.bar.message() != message {
            self.bar.set_message(message);
        }
        // The total is a few hours old.
        if self.bar.length().is_some_and(|total| total < replay.counts.events) {
            self.bar.set_length(replay.counts.events);
        }
        self.bar.set_position(replay.counts.events);
        self.lines.tick(&self.bar);
    }
}

impl Drop for ReplayProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use indicatif::TermLike;
    use operations::{Plan, Scope, Status};

    use super::*;

    /// A terminal that keeps what was last written to it.
    #[derive(Debug, Clone, Default)]
    struct Terminal(Arc<Mutex<String>>);

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            200
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn elsewhere_a_line_is_written_when_it_is_due() {
        let bar = ProgressBar::with_draw_target(Some(1_000), ProgressDrawTarget::hidden()).with_message("Replaying");
        let lines = Lines::beside(&bar);
        bar.set_position(400);
        assert_eq!(lines.due(&bar), None);
        *lines.next.lock().unwrap() = Instant::now();
        let line = lines.due(&bar).unwrap();
        assert!(line.starts_with("Replaying: 400 of about 1000 events, "), "{line}");
        assert_eq!(lines.due(&bar), None);
    }

    #[test]
    fn a_terminal_is_told_what_is_done_how_fast_and_what_is_left() {
        let terminal = Terminal::default();
        let plan = Plan::new(Purpose::Rebuild, Scope::Everything, &["order-summary"]);
        let mut replay = Replay::new(plan, Status::Running, Some(1_000));
        let progress = ReplayProgress::on(ProgressDrawTarget::term_like(Box::new(terminal.clone())), &replay);
        let shown = |replay: &Replay| {
            progress.show(replay);
            progress.bar.force_draw();
            terminal.0.lock().unwrap().clone()
        };
        replay.counts.events = 400;
        let line = shown(&replay);
        for part in ["Replaying [", "400 of about 1,000 events", "/s, 600 left"] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        // The total was counted hours ago, and there are more by now.
        replay.counts.events = 1_200;
        let line = shown(&replay);
        assert!(
            line.contains("1,200 of about 1,200 events") && line.contains("0 left"),
            "{line}"
        );
    }
}
