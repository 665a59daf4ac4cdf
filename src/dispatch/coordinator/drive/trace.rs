//! Log lines of decisions: each in the spans of its run and its attempt, with its reason.

use tracing::{Span, debug, info, info_span};

use super::DiskRoom;
use crate::coordinator::schedule::{
    AttemptId, GiveUpReason, MemoryUse, RetryTime, RunIndex, SlotIndex, StopReason, Verdict,
    VerdictKind, VerdictSubject,
};
use crate::store::{AttemptFailure, FailureClass, RunState};
use isoflop_core::units::{bytes, duration};
use isoflop_sweep::{Plan, RunOrder};

/// Context of a verdict that its reason mentions.
#[derive(Clone, Copy)]
pub(super) struct VerdictContext<'a> {
    pub(super) plan: &'a Plan,
    pub(super) order: RunOrder,
    /// The disk space at the last look.
    pub(super) disk: Option<DiskRoom>,
}

/// The span of a run, inside the current one.
pub(super) fn run_span(plan: &Plan, run: RunIndex) -> Span {
    info_span!("run", id = plan.runs[run].id.as_str())
}

/// The span of an attempt, inside its run's.
pub(super) fn attempt_span(plan: &Plan, claim: AttemptId, fence: &str) -> Span {
    let run = run_span(plan, claim.run);
    info_span!(parent: &run, "attempt", number = claim.attempt, fence)
}

/// Logs a verdict in its span.
pub(super) fn log_verdict(span: &Span, verdict: &Verdict, grounds: VerdictContext<'_>) {
    let (choice, reason) = grounds.describe(verdict);
    match (&verdict.choice, verdict.subject) {
        (VerdictKind::Ignore(_), _) => debug!(parent: span, reason, "{choice}"),
        (VerdictKind::Lease { slot, .. }, VerdictSubject::Attempt(claim)) => {
            let label = grounds.plan.runs[claim.run].label();
            info!(parent: span, slot, label, reason, "{choice}");
        }
        _ => info!(parent: span, reason, "{choice}"),
    }
}

impl VerdictContext<'_> {
    /// The decision, as one of a few fixed phrases, and its reason.
    fn describe(&self, verdict: &Verdict) -> (&'static str, String) {
        let wish = "requested by the user";
        match &verdict.choice {
            VerdictKind::Lease { needs, room, .. } => ("leased", self.lease(*needs, *room)),
            VerdictKind::Wait { slot, least, room } => {
                ("slot stays empty", wait(*slot, *least, *room))
            }
            VerdictKind::Run(Some(pid)) => ("running", format!("started process {pid}")),
            VerdictKind::Run(None) => ("running", "its engine has started it".to_owned()),
            VerdictKind::Commit => ("committing", "its trainer reports an outcome".to_owned()),
            VerdictKind::Done(RunState::Diverged) => ("diverged", "its loss exploded".to_owned()),
            VerdictKind::Done(_) => ("done", "its outcome is valid".to_owned()),
            VerdictKind::Ignore(event) => (
                "message ignored",
                format!("`{event}` is repeated, or its attempt no longer has the run's lease"),
            ),
            VerdictKind::Pause => ("new runs paused", self.room_on_disk()),
            VerdictKind::Unpause => ("new runs resumed", self.room_on_disk()),
            VerdictKind::GiveUp { failure, reason } => give_up(failure, *reason),
            VerdictKind::Cancel if verdict.subject.claim().is_some() => {
                ("cancelled", format!("{wish}, and the attempt has ended"))
            }
            VerdictKind::Cancel => ("cancelled", wish.to_owned()),
            VerdictKind::Refuse(kind, state) => (
                "request ignored",
                format!("cannot {} a run that is {state}", kind.name()),
            ),
            VerdictKind::Stop(reason) => ("asked to stop", self.stop(*reason)),
            VerdictKind::Retry {
                failure,
                crashes,
                splits,
                next,
            } => (
                "queued again",
                self.retry(failure, *crashes, *splits, *next),
            ),
            VerdictKind::Reopen => ("queued again", wish.to_owned()),
        }
    }

    fn lease(&self, needs: u64, room: MemoryUse) -> String {
        let order = match self.order {
            RunOrder::LongestFirst => "longest first",
            RunOrder::CheapestFirst => "cheapest first",
            RunOrder::AsListed => "as listed",
        };
        if room.all == u64::MAX {
            return format!("first in the queue, {order}");
        }
        let [needs, held, all] = [needs, room.held, room.all].map(bytes);
        format!("first in the queue that fits, {order}: needs {needs}, {held} of {all} in use")
    }

    fn retry(
        &self,
        failure: &AttemptFailure,
        (crashes, most): (u32, u32),
        splits: bool,
        next: RetryTime,
    ) -> String {
        let count = match failure.class {
            FailureClass::Crash => format!(" {crashes} of {most}"),
            _ => String::new(),
        };
        let next = match next {
            RetryTime::In(milliseconds) => format!("in {}", duration(milliseconds as f64 / 1e3)),
            RetryTime::After(run) => format!("after the end of run {}", self.id(run)),
            RetryTime::WhenResumed => "when the sweep is resumed".to_owned(),
        };
        let parts = if splits {
            ", in passes of half the size"
        } else {
            ""
        };
        let (class, message) = (failure.class.name(), &failure.message);
        format!("{class}{count}: {message}; retried {next}{parts}")
    }

    fn stop(&self, reason: StopReason) -> String {
        match reason {
            StopReason::Interrupted => "the user stops the sweep".to_owned(),
            StopReason::Cancelled => "the user cancels the run".to_owned(),
            StopReason::Stopped(run) => {
                let id = self.id(run);
                format!("run {id} failed for a reason that affects every run: the sweep stops")
            }
        }
    }

    fn room_on_disk(&self) -> String {
        let room = |room: DiskRoom| {
            let [free, reserve] = [room.free, room.reserve].map(bytes);
            format!("{free} free on the disk, the reserve is {reserve}")
        };
        self.disk.map_or_else(String::new, room)
    }

    fn id(&self, run: RunIndex) -> &str {
        self.plan.runs[run].id.as_str()
    }
}

fn wait(slot: SlotIndex, least: u64, room: MemoryUse) -> String {
    let [least, left, all] = [least, room.all.saturating_sub(room.held), room.all].map(bytes);
    format!(
        "the smallest queued run needs {least}, slot {slot} has {left} of {all} left: other runs on its device use the rest"
    )
}

fn give_up(failure: &AttemptFailure, reason: GiveUpReason) -> (&'static str, String) {
    let told = format!("{}: {}", failure.class.name(), failure.message);
    match reason {
        GiveUpReason::Crashes(crashes) => (
            "quarantined",
            format!("{told}; it has crashed {crashes} times, the limit of `max_attempts`"),
        ),
        GiveUpReason::SameAgain => (
            "failed",
            format!("{told}; another attempt would fail in the same way"),
        ),
        GiveUpReason::SplitAlready => ("failed", format!("{told}; its passes are split already")),
        GiveUpReason::OneSequence => (
            "failed",
            format!("{told}; its pass is one sequence, which cannot be split"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::run::example_spec;
    use isoflop_sweep::PlannedRun;

    /// Builds a plan of one run.
    fn plan() -> Plan {
        let spec = example_spec();
        Plan {
            name: "sweep".to_owned(),
            baseline: "arm".to_owned(),
            runs: vec![PlannedRun {
                id: spec.id(),
                arm: "arm".to_owned(),
                size: "d16-l2".to_owned(),
                lr_factor: None,
                priority: 0,
                spec,
            }],
            notes: Vec::new(),
        }
    }

    #[test]
    fn each_reason_says_what_it_rests_on() {
        let plan = plan();
        let grounds = VerdictContext {
            plan: &plan,
            order: RunOrder::LongestFirst,
            disk: Some(DiskRoom {
                free: 1_000_000,
                reserve: 2_000_000,
            }),
        };
        let failure = |class| AttemptFailure::new(class, "it failed");
        let room = MemoryUse {
            held: 3_000_000,
            all: 8_000_000,
        };
        let retry = |class, splits, next| VerdictKind::Retry {
            failure: failure(class),
            crashes: (2, 5),
            splits,
            next,
        };
        let give_up = |class, reason| VerdictKind::GiveUp {
            failure: failure(class),
            reason,
        };
        let choices = [
            VerdictKind::Lease {
                slot: 1,
                needs: 2_000_000,
                room,
            },
            VerdictKind::Wait {
                slot: 1,
                least: 6_000_000,
                room,
            },
            retry(FailureClass::Crash, false, RetryTime::In(1300)),
            retry(FailureClass::OutOfMemory, true, RetryTime::In(1300)),
            retry(FailureClass::Preempted, false, RetryTime::WhenResumed),
            give_up(FailureClass::Crash, GiveUpReason::Crashes(5)),
            give_up(FailureClass::TimeLimit, GiveUpReason::SameAgain),
            give_up(FailureClass::OutOfMemory, GiveUpReason::OneSequence),
            VerdictKind::Stop(StopReason::Interrupted),
            VerdictKind::Pause,
        ];
        let lines = choices.map(|choice| {
            let subject = VerdictSubject::Attempt(AttemptId { run: 0, attempt: 2 });
            let (choice, reason) = grounds.describe(&Verdict { subject, choice });
            format!("{choice}: {reason}\n")
        });
        insta::assert_snapshot!(lines.concat());
    }
}
