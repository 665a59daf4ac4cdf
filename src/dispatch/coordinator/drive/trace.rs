//! Decisions as the log has them: each in the spans of its run and its attempt, with its reason.

use tracing::{Span, debug, info, info_span};

use super::DiskRoom;
use crate::coordinator::schedule::{
    Choice, Claim, GiveUp, Next, Room, RunIndex, SlotIndex, StopReason, Subject, Verdict,
};
use crate::store::{Failure, FailureClass, RunState};
use isoflop_core::units::{bytes, duration};
use isoflop_sweep::{Plan, RunOrder};

/// What reasons rest on beside the verdict.
#[derive(Clone, Copy)]
pub(super) struct Grounds<'a> {
    pub(super) plan: &'a Plan,
    pub(super) order: RunOrder,
    /// The disk, when it was looked at last.
    pub(super) disk: Option<DiskRoom>,
}

/// The span of a run, within the present one.
pub(super) fn run_span(plan: &Plan, run: RunIndex) -> Span {
    info_span!("run", id = plan.runs[run].id.as_str())
}

/// The span of an attempt, within its run's.
pub(super) fn attempt_span(plan: &Plan, claim: Claim, fence: &str) -> Span {
    let run = run_span(plan, claim.run);
    info_span!(parent: &run, "attempt", number = claim.attempt, fence)
}

/// Writes a verdict to the log, in its span.
pub(super) fn tell(span: &Span, verdict: &Verdict, grounds: Grounds<'_>) {
    let (choice, reason) = grounds.words(verdict);
    match (&verdict.choice, verdict.subject) {
        (Choice::Ignore(_), _) => debug!(parent: span, reason, "{choice}"),
        (Choice::Lease { slot, .. }, Subject::Attempt(claim)) => {
            let label = grounds.plan.runs[claim.run].label();
            info!(parent: span, slot, label, reason, "{choice}");
        }
        _ => info!(parent: span, reason, "{choice}"),
    }
}

impl Grounds<'_> {
    /// What was decided, in a few words that are always the same, and why.
    fn words(&self, verdict: &Verdict) -> (&'static str, String) {
        let wish = "the user asked for it";
        match &verdict.choice {
            Choice::Lease { needs, room, .. } => ("leased", self.lease(*needs, *room)),
            Choice::Wait { slot, least, room } => ("slot stays empty", wait(*slot, *least, *room)),
            Choice::Run(Some(pid)) => ("running", format!("process {pid} was started")),
            Choice::Run(None) => ("running", "its engine has begun it".to_owned()),
            Choice::Commit => ("committing", "it says that it left an outcome".to_owned()),
            Choice::Done(RunState::Diverged) => ("diverged", "its loss exploded".to_owned()),
            Choice::Done(_) => ("done", "its outcome is valid".to_owned()),
            Choice::Ignore(event) => (
                "message ignored",
                format!("it says `{event}` of an attempt that does not hold its run, or again"),
            ),
            Choice::Pause => ("no run is started", self.room_on_disk()),
            Choice::Unpause => ("runs are started again", self.room_on_disk()),
            Choice::GiveUp { failure, reason } => give_up(failure, *reason),
            Choice::Cancel if verdict.subject.claim().is_some() => {
                ("cancelled", format!("{wish}, and the attempt has ended"))
            }
            Choice::Cancel => ("cancelled", wish.to_owned()),
            Choice::Refuse(kind, state) => (
                "request ignored",
                format!("a run that is {state} cannot be asked to {}", kind.name()),
            ),
            Choice::Stop(reason) => ("asked to stop", self.stop(*reason)),
            Choice::Retry {
                failure,
                crashes,
                splits,
                next,
            } => (
                "queued again",
                self.retry(failure, *crashes, *splits, *next),
            ),
            Choice::Reopen => ("queued again", wish.to_owned()),
        }
    }

    fn lease(&self, needs: u64, room: Room) -> String {
        let order = match self.order {
            RunOrder::LongestFirst => "longest first",
            RunOrder::CheapestFirst => "cheapest first",
            RunOrder::AsListed => "as listed",
        };
        if room.all == u64::MAX {
            return format!("the first that waits, {order}");
        }
        let [needs, held, all] = [needs, room.held, room.all].map(bytes);
        format!("the first that waits and fits, {order}: {needs} beside {held} of {all}")
    }

    fn retry(
        &self,
        failure: &Failure,
        (crashes, most): (u32, u32),
        splits: bool,
        next: Next,
    ) -> String {
        let count = match failure.class {
            FailureClass::Crash => format!(" {crashes} of {most}"),
            _ => String::new(),
        };
        let next = match next {
            Next::In(milliseconds) => format!("in {}", duration(milliseconds as f64 / 1e3)),
            Next::After(run) => format!("when run {} has ended", self.id(run)),
            Next::WhenResumed => "when the sweep is run again".to_owned(),
        };
        let parts = if splits {
            ", in passes of half the size"
        } else {
            ""
        };
        let (class, message) = (failure.class.name(), &failure.message);
        format!("{class}{count}: {message}; tried again {next}{parts}")
    }

    fn stop(&self, reason: StopReason) -> String {
        match reason {
            StopReason::Interrupted => "the user stops the sweep".to_owned(),
            StopReason::Cancelled => "the user cancels the run".to_owned(),
            StopReason::Stopped(run) => {
                let id = self.id(run);
                format!("every run would fail as run {id} did: the sweep stops")
            }
        }
    }

    fn room_on_disk(&self) -> String {
        let room = |room: DiskRoom| {
            let [free, reserve] = [room.free, room.reserve].map(bytes);
            format!("{free} are free on the disk, the reserve is {reserve}")
        };
        self.disk.map_or_else(String::new, room)
    }

    fn id(&self, run: RunIndex) -> &str {
        self.plan.runs[run].id.as_str()
    }
}

fn wait(slot: SlotIndex, least: u64, room: Room) -> String {
    let [least, left, all] = [least, room.all.saturating_sub(room.held), room.all].map(bytes);
    format!(
        "the smallest run that waits needs {least}; slot {slot} has {left} of {all}, the rest is held by runs beside it"
    )
}

fn give_up(failure: &Failure, reason: GiveUp) -> (&'static str, String) {
    let told = format!("{}: {}", failure.class.name(), failure.message);
    match reason {
        GiveUp::Crashes(crashes) => (
            "quarantined",
            format!("{told}; it has crashed {crashes} times, as often as `max_attempts` allows"),
        ),
        GiveUp::SameAgain => (
            "failed",
            format!("{told}; another attempt would end the same way"),
        ),
        GiveUp::SplitAlready => ("failed", format!("{told}; its passes are split already")),
        GiveUp::OneSequence => (
            "failed",
            format!("{told}; its pass is one sequence, which cannot be split"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::run::example;
    use isoflop_sweep::PlannedRun;

    /// A plan of one run.
    fn plan() -> Plan {
        let spec = example();
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
        let grounds = Grounds {
            plan: &plan,
            order: RunOrder::LongestFirst,
            disk: Some(DiskRoom {
                free: 1_000_000,
                reserve: 2_000_000,
            }),
        };
        let failure = |class| Failure::new(class, "it said so");
        let room = Room {
            held: 3_000_000,
            all: 8_000_000,
        };
        let retry = |class, splits, next| Choice::Retry {
            failure: failure(class),
            crashes: (2, 5),
            splits,
            next,
        };
        let give_up = |class, reason| Choice::GiveUp {
            failure: failure(class),
            reason,
        };
        let choices = [
            Choice::Lease {
                slot: 1,
                needs: 2_000_000,
                room,
            },
            Choice::Wait {
                slot: 1,
                least: 6_000_000,
                room,
            },
            retry(FailureClass::Crash, false, Next::In(1300)),
            retry(FailureClass::OutOfMemory, true, Next::In(1300)),
            retry(FailureClass::Preempted, false, Next::WhenResumed),
            give_up(FailureClass::Crash, GiveUp::Crashes(5)),
            give_up(FailureClass::TimeLimit, GiveUp::SameAgain),
            give_up(FailureClass::OutOfMemory, GiveUp::OneSequence),
            Choice::Stop(StopReason::Interrupted),
            Choice::Pause,
        ];
        let lines = choices.map(|choice| {
            let subject = Subject::Attempt(Claim { run: 0, attempt: 2 });
            let (choice, reason) = grounds.words(&Verdict { subject, choice });
            format!("{choice}: {reason}\n")
        });
        insta::assert_snapshot!(lines.concat());
    }
}
