//! Decisions with their reasons: what is written down, carried out and told follows from them.

use super::facts::{Claim, RunIndex, SlotIndex};
use crate::store::{Failure, RequestKind, RunState};

/// A decision, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) subject: Subject,
    pub(crate) choice: Choice,
}

/// What a decision is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Slots, or all runs.
    Sweep,
    /// A run.
    Run(RunIndex),
    /// An attempt.
    Attempt(Claim),
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The attempt is given a slot: its run is the first in order that fits there.
    Lease {
        /// Where.
        slot: SlotIndex,
        /// Memory that the run is expected to hold, bytes.
        needs: u64,
        /// The slot's device, before.
        room: Room,
    },
    /// A slot stays empty: no run that waits fits there.
    Wait {
        /// Where.
        slot: SlotIndex,
        /// Memory of the smallest run that waits, bytes.
        least: u64,
        /// The slot's device.
        room: Room,
    },
    /// The attempt trains; its process, where that is on this machine.
    Run(Option<u32>),
    /// What the attempt delivered is checked, and made the run's outcome if it is valid.
    Commit,
    /// The run has its outcome, and stands so.
    Done(RunState),
    /// The attempt failed, and another may fare better.
    Retry {
        /// How.
        failure: Failure,
        /// Crashes of the run so far, and how many it may have.
        crashes: (u32, u32),
        /// Whether its passes are split from here on, because this attempt found no memory.
        splits: bool,
        /// When the next one is.
        next: Next,
    },
    /// The attempt failed, and its run is given up.
    GiveUp {
        /// How.
        failure: Failure,
        /// Why there is no other.
        reason: GiveUp,
    },
    /// The run is given up on the user's wish: it waited, or the attempt that held it has ended.
    Cancel,
    /// A run that was given up waits again, on the user's wish.
    Reopen,
    /// The user's wish changes nothing, the run standing as it does.
    Refuse(RequestKind, &'static str),
    /// The attempt is asked to end.
    Stop(StopReason),
    /// A message is of an attempt that does not hold its run, or comes twice: it changes nothing.
    Ignore(&'static str),
    /// No run is started until there is room on the disk.
    Pause,
    /// There is room again.
    Unpause,
}

impl Verdict {
    /// The run whose record is another by it.
    pub(crate) fn changed(&self) -> Option<RunIndex> {
        let changes = !matches!(
            self.choice,
            Choice::Refuse(..) | Choice::Stop(_) | Choice::Ignore(_)
        );
        match self.subject {
            Subject::Run(run) | Subject::Attempt(Claim { run, .. }) if changes => Some(run),
            _ => None,
        }
    }
}

impl Subject {
    /// The attempt, if it is one.
    pub(crate) fn claim(self) -> Option<Claim> {
        match self {
            Self::Attempt(claim) => Some(claim),
            Self::Sweep | Self::Run(_) => None,
        }
    }
}

/// Memory of a slot's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// That runs have, bytes.
    pub(crate) held: u64,
    /// All that there is for runs, bytes; the largest number where it is not known.
    pub(crate) all: u64,
}

/// When a run whose attempt failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// After so many milliseconds.
    In(u64),
    /// When this run, which it goes on from and which is tried again itself, has ended.
    After(RunIndex),
    /// When the sweep is run again: no run is started any more.
    WhenResumed,
}

/// Why a run is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GiveUp {
    /// It crashed so often.
    Crashes(u32),
    /// Another attempt would end the same way.
    SameAgain,
    /// It found no memory in passes of half the size either.
    SplitAlready,
    /// It found no memory, and its pass is one sequence.
    OneSequence,
}

/// Why an attempt is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The user wants the sweep to stop.
    Interrupted,
    /// The user gives its run up.
    Cancelled,
    /// The failure of this run stops the sweep.
    Stopped(RunIndex),
}
