//! What happens.

use super::facts::{Claim, RunIndex};
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
