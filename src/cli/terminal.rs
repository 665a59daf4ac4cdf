//! Notes, warnings and progress of use cases, on the terminal.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::ProgressBar;

use super::output;
use super::progress::{PLAIN_EVERY, style};
use isoflop_app::Listener;
use isoflop_core::units::bytes;
use isoflop_dispatch::exchange::{Note, TextTransfer};

/// Prints to standard error. Progress is a bar on a terminal, and a line every 10 s elsewhere.
pub(super) struct Terminal {
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self {
            bar: None,
            last: Instant::now(),
        }
    }

    /// Shows progress in a bar, or elsewhere as `line`. The bar is created when first needed, and
    /// removed at the end.
    fn show(&mut self, done: u64, total: u64, template: &str, line: impl FnOnce() -> String) {
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = ProgressBar::new(total).with_style(style(template));
                output::bar(bar.with_position(done))
            });
            bar.set_length(total);
            bar.set_position(done);
            if done == total {
                bar.finish_and_clear();
                output::set_bars(None);
                self.bar = None;
            }
        } else if self.last.elapsed() >= PLAIN_EVERY {
            self.last = Instant::now();
            output::note(line());
        }
    }
}

impl Listener for Terminal {
    fn note(&mut self, text: &str) {
        output::note(text);
    }

    fn remark(&mut self, text: &str) {
        output::remark(text);
    }

    fn warning(&mut self, text: &str) {
        output::warning(text);
    }

    fn fetching(&mut self, text: &str, at: TextTransfer) {
        let TextTransfer { here, size } = at;
        let template = "{bar:14.cyan} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        self.show(here, size, template, || {
            format!("{text}: {} of {}", bytes(here), bytes(size))
        });
    }

    fn importing(&mut self, done: usize, total: usize) {
        let template = "{bar:14.cyan} {pos}/{len} runs, {eta} left (estimate)";
        self.show(done as u64, total as u64, template, || {
            format!("{done}/{total} runs")
        });
    }

    fn storage_calls(&self) -> Note {
        |words| output::remark(words)
    }
}
