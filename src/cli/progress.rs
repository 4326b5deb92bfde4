//! Progress of long work: a bar on a terminal, nothing elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far something is. It vanishes when dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Begins with `total` steps.
    pub(super) fn start(total: usize, what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_bar} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        Self(bar)
    }

    /// Begins something of which nobody knows how much there is.
    pub(super) fn spin(what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::default_spinner());
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Sets how many steps are done.
    pub(super) fn set(&self, done: usize, message: &str) {
        self.0.set_position(done as u64);
        self.0.set_message(message.to_owned());
        self.0.tick();
    }

    /// One more step is done.
    pub(super) fn add_one(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
