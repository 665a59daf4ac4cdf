//! Attempts in slots, observed through their files.

use std::time::Duration;

use tokio::sync::watch;
use tracing::Span;

use crate::coordinator::schedule::{AttemptId, SlotIndex};
use crate::exchange::dropped;
use crate::executor::StopRequest;
use crate::store::{AttemptFailure, FailureClass};
use isoflop_core::run::{AttemptDir, EventTail, TrainerEvent};
use isoflop_core::units::duration;

/// An attempt in a slot.
pub(super) struct ActiveAttempt {
    pub(super) slot: SlotIndex,
    pub(super) attempt: AttemptDir,
    /// Its fencing token.
    pub(super) fence: String,
    /// The span of all events about it.
    pub(super) span: Span,
    pub(super) asked: watch::Sender<StopRequest>,
    /// True while it is known to wait for a machine.
    pub(super) waits: bool,
    /// True once an engine has accepted it.
    pub(super) taken: watch::Receiver<bool>,
    events: EventTail,
    watch: StallTimer,
    /// The reason for stopping it, if it stalled or exceeded its time limit.
    pub(super) overdue: Option<AttemptFailure>,
    /// The loss of the outcome that it delivered, nats/token.
    pub(super) loss: Option<f64>,
}

/// The attempts in slots, by identity.
pub(super) type Actives = std::collections::BTreeMap<AttemptId, ActiveAttempt>;

impl ActiveAttempt {
    /// Creates an attempt. If `waits`, its engine has yet to start it.
    pub(super) fn new(
        slot: SlotIndex,
        attempt: AttemptDir,
        (fence, span): (String, Span),
        asked: watch::Sender<StopRequest>,
        waits: bool,
    ) -> Self {
        let events = EventTail::new(attempt.metrics());
        let taken = watch::channel(false).1;
        Self {
            slot,
            attempt,
            fence,
            span,
            asked,
            waits,
            taken,
            events,
            watch: StallTimer::default(),
            overdue: None,
            loss: None,
        }
    }

    /// Reads the events since the last look, `passed` ago.
    ///
    /// While the attempt's events cannot arrive, its silence does not count as a stall.
    pub(super) fn look(&mut self, passed: Duration, is_cut_off: bool) -> Vec<TrainerEvent> {
        // Waiting in a queue is not a stall: time counts from the start of the attempt.
        if self.waits {
            return Vec::new();
        }
        // The file does not exist until the trainer has read its data.
        let said = self.events.read_new();
        let events = dropped(said, "failed to read events").unwrap_or_default();
        self.watch.look(passed, is_cut_off || !events.is_empty());
        events
    }

    /// Reports whether the attempt waited for a machine and has just started.
    pub(super) fn begins(&mut self) -> bool {
        let begins = self.waits && self.attempt.began().exists();
        self.waits &= !begins;
        begins
    }

    /// Reports whether the attempt has just become overdue.
    pub(super) fn becomes_overdue(&mut self, stall: Duration, limit: Option<Duration>) -> bool {
        if self.overdue.is_some() {
            return false;
        }
        self.overdue = self.watch.overdue(stall, limit);
        self.overdue.is_some()
    }
}

/// Durations for which an attempt has been observed, and has been silent.
///
/// Time without observation does not count: a coordinator that was suspended must not stop its
/// trainers as stalled.
#[derive(Clone, Copy, Debug, Default)]
struct StallTimer {
    watched: Duration,
    silent: Duration,
}

impl StallTimer {
    fn look(&mut self, passed: Duration, spoke: bool) {
        self.watched += passed;
        self.silent = if spoke {
            Duration::ZERO
        } else {
            self.silent + passed
        };
    }

    fn overdue(&self, stall: Duration, limit: Option<Duration>) -> Option<AttemptFailure> {
        let time = |time: Duration| duration(time.as_secs_f64());
        if self.silent > stall {
            let silence = time(stall);
            let message = format!("the trainer reported nothing for {silence} and was stopped");
            return Some(AttemptFailure::new(FailureClass::Crash, message));
        }
        let limit = time(limit.filter(|limit| self.watched > *limit)?);
        let message =
            format!("the attempt took longer than `max_run_seconds` ({limit}) and was stopped");
        Some(AttemptFailure::new(FailureClass::TimeLimit, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_heard_is_not_silent() {
        let (stall, second) = (Duration::from_secs(3), Duration::from_secs(1));
        let attempt = AttemptDir::at(tempfile::tempdir().unwrap().path().join("nothing"));
        let mut active = ActiveAttempt::new(
            0,
            attempt,
            (String::new(), Span::none()),
            watch::channel(StopRequest::Nothing).0,
            false,
        );
        for cut_off in [true, true, true, true, true, false, false, false] {
            active.look(second, cut_off);
            assert!(!active.becomes_overdue(stall, None));
        }
        active.look(second, false);
        assert!(active.becomes_overdue(stall, None));
    }

    #[test]
    fn silence_is_counted_while_somebody_looks() {
        let (stall, second) = (Duration::from_secs(3), Duration::from_secs(1));
        let mut watch = StallTimer::default();
        let class = |watch: &StallTimer, limit: Option<u64>| {
            let overdue = watch.overdue(stall, limit.map(Duration::from_secs))?;
            Some(overdue.class)
        };
        for spoke in [false, false, true, false, false, false] {
            watch.look(second, spoke);
            assert_eq!(class(&watch, None), None);
        }
        watch.look(second, false);
        assert_eq!(class(&watch, None), Some(FailureClass::Crash));
        watch.look(second, true);
        assert_eq!(class(&watch, None), None);
        assert_eq!(class(&watch, Some(7)), Some(FailureClass::TimeLimit));
        assert_eq!(class(&watch, Some(8)), None);
    }
}
