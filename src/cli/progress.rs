//! How far long work has come: on standard error, on terminals only.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const REDRAW: Duration = Duration::from_millis(120);

/// A line that tells what is being done. Nothing is drawn when standard error is no terminal; dropping it
/// takes the line away.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// For work of a known length, counted in `unit`.
    pub(crate) fn bar(length: u64, unit: &str) -> Self {
        let template = format!("{{bar:30}} {{pos}} of {{len}} {unit} {{wide_msg}}");
        Self::new(
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()),
            &template,
        )
    }

    /// For work that ends when it ends.
    pub(crate) fn spinner(message: impl Into<Cow<'static, str>>) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let progress = Self::new(bar, "{spinner} {wide_msg} {elapsed}");
        progress.0.set_message(message);
        progress
    }

    fn new(bar: ProgressBar, template: &str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▌░"));
        }
        bar.enable_steady_tick(REDRAW);
        Self(bar)
    }

    pub(crate) fn set_position(&self, position: u64) {
        self.0.set_position(position);
    }

    pub(crate) fn inc(&self) {
        self.0.inc(1);
    }

    /// Says what is at hand.
    pub(crate) fn say(&self, message: impl Into<Cow<'static, str>>) {
        self.0.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
