//! Decisions with their reasons, for people to read back: nothing follows from them.

use super::facts::{Claim, RunIndex, SlotIndex};
use crate::store::{Failure, RequestKind};

/// A decision, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An attempt is given a slot: its run is the first in order that fits there.
    Lease {
        /// The attempt.
        claim: Claim,
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
    /// An attempt trains.
    Run {
        /// The attempt.
        claim: Claim,
        /// Its process, where that is on this machine.
        pid: Option<u32>,
    },
    /// What an attempt delivered is checked, and made the run's outcome if it is valid.
    Commit(Claim),
    /// A run has its outcome.
    Done(Claim, super::Exploded),
    /// An attempt failed, and another may fare better.
    Retry {
        /// The attempt that failed.
        claim: Claim,
        /// How.
        failure: Failure,
        /// Crashes of the run so far, and how many it may have.
        crashes: (u32, u32),
        /// Whether its passes are split from here on, because this attempt found no memory.
        splits: bool,
        /// When the next one is.
        next: Next,
    },
    /// An attempt failed, and its run is given up.
    GiveUp {
        /// The attempt that failed.
        claim: Claim,
        /// How.
        failure: Failure,
        /// Why there is no other.
        reason: GiveUp,
    },
    /// A run is given up on the user's wish: it waited, or the attempt that held it has ended.
    Cancel(RunIndex, Option<Claim>),
    /// A run that was given up waits again, on the user's wish.
    Reopen(RunIndex),
    /// The user's wish changes nothing, the run standing as it does.
    Refuse(RunIndex, RequestKind, &'static str),
    /// An attempt is asked to end.
    Stop(Claim, StopReason),
    /// A message is of an attempt that does not hold its run, or comes twice: it changes nothing.
    Ignore(Claim, &'static str),
    /// No run is started until there is room on the disk.
    Pause,
    /// There is room again.
    Unpause,
}

/// Memory of a slot's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// That runs have, bytes.
    pub held: u64,
    /// All that there is for runs, bytes; the largest number where it is not known.
    pub all: u64,
}

/// When a run whose attempt failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After so many milliseconds.
    In(u64),
    /// When this run, which it goes on from and which is tried again itself, has ended.
    After(RunIndex),
    /// When the sweep is run again: no run is started any more.
    NextTime,
}

/// Why a run is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
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
pub enum StopReason {
    /// The user wants the sweep to stop.
    Interrupted,
    /// The user gives its run up.
    Cancelled,
    /// The failure of this run stops the sweep.
    Stopped(RunIndex),
}

impl Verdict {
    /// The attempt that it is about, if it is about one.
    pub fn claim(&self) -> Option<Claim> {
        match self {
            Self::Lease { claim, .. }
            | Self::Run { claim, .. }
            | Self::Retry { claim, .. }
            | Self::GiveUp { claim, .. }
            | Self::Commit(claim)
            | Self::Done(claim, _)
            | Self::Stop(claim, _)
            | Self::Ignore(claim, _) => Some(*claim),
            Self::Cancel(_, claim) => *claim,
            Self::Wait { .. }
            | Self::Reopen(_)
            | Self::Refuse(..)
            | Self::Pause
            | Self::Unpause => None,
        }
    }

    /// The run that it is about, if it is about one.
    pub fn run(&self) -> Option<RunIndex> {
        match self {
            Self::Cancel(run, _) | Self::Reopen(run) | Self::Refuse(run, ..) => Some(*run),
            _ => self.claim().map(|claim| claim.run),
        }
    }
}
