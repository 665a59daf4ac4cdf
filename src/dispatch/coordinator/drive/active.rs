//! An attempt in a slot, watched from outside.

use std::time::Duration;

use tokio::sync::watch;
use tracing::Span;

use crate::coordinator::schedule::{Claim, SlotIndex};
use crate::exchange::dropped;
use crate::executor::Asked;
use crate::store::{Failure, FailureClass};
use isoflop_core::run::{AttemptDir, Event, EventTail};
use isoflop_core::units::duration;

/// An attempt in a slot.
pub(super) struct Active {
    pub(super) slot: SlotIndex,
    pub(super) attempt: AttemptDir,
    /// Its fencing token.
    pub(super) fence: String,
    /// Of what is decided about it.
    pub(super) span: Span,
    pub(super) asked: watch::Sender<Asked>,
    /// Whether it waits for a machine, as far as is known.
    pub(super) waits: bool,
    /// Whether an engine has taken it.
    pub(super) taken: watch::Receiver<bool>,
    events: EventTail,
    watch: Watch,
    /// Why it is stopped that nobody asked to stop.
    pub(super) overdue: Option<Failure>,
    /// The loss of the outcome that it brought, nats/token.
    pub(super) loss: Option<f64>,
}

/// The attempts in slots, by claim.
pub(super) type Actives = std::collections::BTreeMap<Claim, Active>;

impl Active {
    /// An attempt that begins at once, or `waits` to.
    pub(super) fn new(
        slot: SlotIndex,
        attempt: AttemptDir,
        (fence, span): (String, Span),
        asked: watch::Sender<Asked>,
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
            watch: Watch::default(),
            overdue: None,
            loss: None,
        }
    }

    /// What it has said since the last look, `passed` ago. Where news of it cannot come, having none is not its fault.
    pub(super) fn look(&mut self, passed: Duration, is_cut_off: bool) -> Vec<Event> {
        // A queue is not its fault: time counts from its beginning on.
        if self.waits {
            return Vec::new();
        }
        // The file appears when the trainer has read its data.
        let said = self.events.read_new();
        let events = dropped(said, "events were not read").unwrap_or_default();
        self.watch.look(passed, is_cut_off || !events.is_empty());
        events
    }

    /// Whether it has just begun, where it waited for a machine.
    pub(super) fn begins(&mut self) -> bool {
        let begins = self.waits && self.attempt.began().exists();
        self.waits &= !begins;
        begins
    }

    /// Whether it has just become overdue.
    pub(super) fn becomes_overdue(&mut self, stall: Duration, limit: Option<Duration>) -> bool {
        if self.overdue.is_some() {
            return false;
        }
        self.overdue = self.watch.overdue(stall, limit);
        self.overdue.is_some()
    }
}

/// For how long an attempt was watched, and has said nothing. Time in which nobody looked does not count: a coordinator that
/// was itself suspended finds its trainers as it left them.
#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    watched: Duration,
    silent: Duration,
}

impl Watch {
    fn look(&mut self, passed: Duration, spoke: bool) {
        self.watched += passed;
        self.silent = if spoke {
            Duration::ZERO
        } else {
            self.silent + passed
        };
    }

    fn overdue(&self, stall: Duration, limit: Option<Duration>) -> Option<Failure> {
        let time = |time: Duration| duration(time.as_secs_f64());
        if self.silent > stall {
            let silence = time(stall);
            let message = format!("the trainer said nothing for {silence} and was stopped");
            return Some(Failure::new(FailureClass::Crash, message));
        }
        let limit = time(limit.filter(|limit| self.watched > *limit)?);
        let message = format!("it took longer than `max_run_seconds`, {limit}, and was stopped");
        Some(Failure::new(FailureClass::TimeLimit, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_heard_is_not_silent() {
        let (stall, second) = (Duration::from_secs(3), Duration::from_secs(1));
        let attempt = AttemptDir::at(tempfile::tempdir().unwrap().path().join("nothing"));
        let mut active = Active::new(
            0,
            attempt,
            (String::new(), Span::none()),
            watch::channel(Asked::Nothing).0,
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
        let mut watch = Watch::default();
        let class = |watch: &Watch, limit: Option<u64>| {
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
