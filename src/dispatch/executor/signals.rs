//! Signals that ask a program to stop.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exchange::dropped;

/// Signals that are heard instead of ending the process.
pub(crate) struct Signals(Vec<Signal>);

impl Signals {
    /// Ctrl-C, SIGTERM, and others.
    ///
    /// # Errors
    /// When the system does not let them be heard.
    pub(crate) fn new(others: &[SignalKind]) -> io::Result<Self> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        let signals = kinds.iter().chain(others).map(|kind| signal(*kind));
        Ok(Self(signals.collect::<io::Result<_>>()?))
    }

    /// Those, and the end of the terminal: not where it is ignored, as `nohup` has it, for then the process outlives its terminal.
    ///
    /// # Errors
    /// When the system does not let them be heard.
    pub(crate) fn with_terminal() -> io::Result<Self> {
        let hangup = [SignalKind::hangup()];
        Self::new(if ignores_hangup() { &[] } else { &hangup })
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) {
        poll_fn(|context| {
            let mut signals = self.0.iter_mut();
            match signals.any(|signal| signal.poll_recv(context).is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

/// Whether SIGHUP, the first of the signals, is in this process's mask of ignored ones.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status");
    let status = dropped(status, "the system does not say which signals are ignored");
    let mask = status
        .unwrap_or_default()
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
