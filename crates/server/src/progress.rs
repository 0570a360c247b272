//! Progress of long commands: a bar on a terminal, a plain line every few seconds elsewhere. On standard error.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{note, thousands};

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far something has come.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    /// Begins. `what` names the work ("importing"), `total` is how many steps it has.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let shown = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(total);
            let form = "{prefix} [{bar:40}] {percent}% {msg} (about {eta} left)";
            if let Ok(style) = ProgressStyle::with_template(form) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what);
            Shown::Bar(bar)
        } else {
            Shown::Lines { last: Instant::now() }
        };
        Self { what, total, shown }
    }

    /// `done` of the steps are done; `things` of what people count are through.
    pub(crate) fn at(&mut self, done: u64, things: u64, name: &str) {
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_message(format!("{} {name}", thousands(things)));
                bar.set_position(done);
            }
            Shown::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let percent = done.saturating_mul(100).checked_div(self.total).unwrap_or(100);
                note(format!("{}: {percent} %, {} {name}", self.what, thousands(things)));
            }
            Shown::Lines { .. } => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
