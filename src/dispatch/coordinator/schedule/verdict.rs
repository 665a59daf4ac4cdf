//! Decisions with their reasons. The store's changes, the commands and the log lines follow from
//! them.

use super::facts::{AttemptId, RunIndex, SlotIndex};
use crate::store::{AttemptFailure, RequestKind, RunState};

/// A decision, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) subject: VerdictSubject,
    pub(crate) choice: VerdictKind,
}

/// Subject of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VerdictSubject {
    /// Slots, or all runs.
    Sweep,
    /// A run.
    Run(RunIndex),
    /// An attempt.
    Attempt(AttemptId),
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VerdictKind {
    /// Gives the attempt a slot: its run is the first in order that fits.
    Lease {
        /// The slot.
        slot: SlotIndex,
        /// Estimated memory of the run, bytes.
        needs: u64,
        /// Memory of the slot's device, before.
        room: MemoryUse,
    },
    /// Leaves a slot empty: no waiting run fits.
    Wait {
        /// The slot.
        slot: SlotIndex,
        /// Memory of the smallest waiting run, bytes.
        least: u64,
        /// Memory of the slot's device.
        room: MemoryUse,
    },
    /// The attempt trains; its process id, if it is on this machine.
    Run(Option<u32>),
    /// Checks what the attempt delivered, and makes it the run's outcome if it is valid.
    Commit,
    /// The run has an outcome, and this state.
    Done(RunState),
    /// The attempt failed, and is retried.
    Retry {
        /// The failure.
        failure: AttemptFailure,
        /// Crashes of the run so far, and the number at which it is quarantined.
        crashes: (u32, u32),
        /// True if its passes are split from now on, because this attempt ran out of memory.
        splits: bool,
        /// The time of the next attempt.
        next: RetryTime,
    },
    /// The attempt failed, and the run is not retried.
    GiveUp {
        /// The failure.
        failure: AttemptFailure,
        /// The reason for not retrying.
        reason: GiveUpReason,
    },
    /// Cancels the run at the user's request: it was queued, or its attempt has ended.
    Cancel,
    /// Queues an ended run again, at the user's request.
    Reopen,
    /// Ignores the user's request, which does not apply to the run's state.
    Refuse(RequestKind, &'static str),
    /// Asks the attempt to stop.
    Stop(StopReason),
    /// Ignores a message about an attempt without its run's lease, or a repeated one.
    Ignore(&'static str),
    /// Starts no run until there is enough disk space.
    Pause,
    /// There is enough disk space again.
    Unpause,
}

impl Verdict {
    /// The run whose record the decision changes.
    pub(crate) fn changed(&self) -> Option<RunIndex> {
        let changes = !matches!(
            self.choice,
            VerdictKind::Refuse(..) | VerdictKind::Stop(_) | VerdictKind::Ignore(_)
        );
        match self.subject {
            VerdictSubject::Run(run) | VerdictSubject::Attempt(AttemptId { run, .. })
                if changes =>
            {
                Some(run)
            }
            _ => None,
        }
    }
}

impl VerdictSubject {
    /// The attempt, if the subject is one.
    pub(crate) fn claim(self) -> Option<AttemptId> {
        match self {
            Self::Attempt(claim) => Some(claim),
            Self::Sweep | Self::Run(_) => None,
        }
    }
}

/// Memory of a slot's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryUse {
    /// Memory of the runs on it, bytes.
    pub(crate) held: u64,
    /// Memory for runs, bytes; `u64::MAX` if it is unknown.
    pub(crate) all: u64,
}

/// The time at which a run is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryTime {
    /// After this many milliseconds.
    In(u64),
    /// After the end of this run, which it continues from and which is retried as well.
    After(RunIndex),
    /// At the next resume of the sweep: no more runs are started now.
    WhenResumed,
}

/// The reason why a run is not retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GiveUpReason {
    /// It crashed this many times.
    Crashes(u32),
    /// Another attempt would fail in the same way.
    SameAgain,
    /// It ran out of memory although its passes are split already.
    SplitAlready,
    /// It ran out of memory, and its pass is one sequence.
    OneSequence,
}

/// The reason for asking an attempt to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The user stops the sweep.
    Interrupted,
    /// The user cancels its run.
    Cancelled,
    /// The failure of this run stops the sweep.
    Stopped(RunIndex),
}
