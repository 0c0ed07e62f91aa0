//! Progress bars on standard error. They hide themselves where standard error is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Whether long work shows progress bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// On a terminal.
    Shown,
    /// Never: for `--quiet` and for tests.
    Hidden,
}

impl Progress {
    /// A bar that counts bytes against a total that may still grow.
    pub fn bytes(self, what: &'static str) -> Bar {
        self.bar("{prefix:>9} [{bar:20}] {bytes} of {total_bytes}, {eta} left; {wide_msg}", what)
    }

    /// A bar that counts steps.
    pub fn steps(self, what: &'static str, steps: u64) -> Bar {
        let bar = self.bar("{prefix:>9} [{bar:20}] {pos} of {len} {wide_msg}", what);
        bar.0.set_length(steps);
        bar
    }

    fn bar(self, template: &str, what: &'static str) -> Bar {
        if self == Progress::Hidden {
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(bar)
    }
}

/// A progress bar; it disappears when it is dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Raises the total.
    pub fn add_total(&self, more: u64) {
        self.0.inc_length(more);
    }

    /// Advances.
    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    /// Sets position and total.
    pub fn set(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    /// Sets the text beside the bar: what is being done. It is cut to the width of the terminal.
    pub fn describe(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
