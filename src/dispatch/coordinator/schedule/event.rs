//! What happens, and what is to be done about it.

use super::facts::{Claim, RunIndex, SlotIndex};
use crate::store::{Failure, RequestKind, RunState};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time passed, perhaps: fill the slots.
    Tick,
    /// An attempt's process runs: this one, where it is on this machine.
    Started(Claim, Option<u32>),
    /// An attempt ended and says that it left an outcome.
    Delivered(Claim),
    /// An attempt's outcome was made the run's, which stands so by it.
    Committed(Claim, RunState),
    /// An attempt ended without an outcome.
    Failed(Claim, Failure),
    /// The user wants something of a run.
    Asked(RequestKind, RunIndex),
    /// There is little room on the disk.
    DiskLow,
    /// There is room again.
    DiskFree,
    /// The user wants to stop.
    Interrupted,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Start an attempt in a slot.
    Start {
        /// The attempt.
        claim: Claim,
        /// Where.
        slot: SlotIndex,
    },
    /// Check what an attempt delivered, and make it the run's outcome.
    Commit(Claim),
    /// End an attempt.
    Stop(Claim),
    /// Nothing runs and nothing will.
    Finish,
}
