//! Signals that request the end of a program.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exchange::dropped;

/// Handlers for signals that would otherwise end the process.
pub(crate) struct Signals(Vec<Signal>);

impl Signals {
    /// Handles SIGINT (Ctrl-C), SIGTERM, and others.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn new(others: &[SignalKind]) -> io::Result<Self> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        let signals = kinds.iter().chain(others).map(|kind| signal(*kind));
        Ok(Self(signals.collect::<io::Result<_>>()?))
    }

    /// Handles SIGINT, SIGTERM, and SIGHUP (the end of the terminal). If SIGHUP was ignored, as
    /// under `nohup`, it stays ignored, so that the process outlives its terminal.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn with_terminal() -> io::Result<Self> {
        let hangup = [SignalKind::hangup()];
        Self::new(if ignores_hangup() { &[] } else { &hangup })
    }

    /// Waits for the next signal.
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

/// Reports whether SIGHUP, bit 0, is in this process's mask of ignored signals.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status");
    let status = dropped(status, "cannot read which signals are ignored");
    let mask = status
        .unwrap_or_default()
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
