//! Bars on a terminal, silence in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that counts bytes against a total that may still grow.
pub fn bytes(what: &'static str) -> ProgressBar {
    bar("{prefix:>9} [{bar:28}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left {msg}", what)
}

/// A bar that counts steps.
pub fn steps(what: &'static str, steps: u64) -> ProgressBar {
    let bar = bar("{prefix:>9} [{bar:28}] {pos}/{len} {msg}", what);
    bar.set_length(steps);
    bar
}

fn bar(template: &str, what: &'static str) -> ProgressBar {
    // indicatif hides itself where standard error is no terminal.
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
