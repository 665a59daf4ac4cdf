//! Events of the schedule.

use super::facts::{AttemptId, RunIndex};
use crate::store::{AttemptFailure, RequestKind, RunState};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScheduleEvent {
    /// Time may have passed: fill the slots.
    Tick,
    /// An attempt's process has started; its id, if it is on this machine.
    Started(AttemptId, Option<u32>),
    /// An attempt ended and reports that it left an outcome.
    Delivered(AttemptId),
    /// An attempt's outcome was committed; the run's state is now this one.
    Committed(AttemptId, RunState),
    /// An attempt ended without an outcome.
    Failed(AttemptId, AttemptFailure),
    /// A user's request for a run.
    Requested(RequestKind, RunIndex),
    /// The disk space has fallen below the reserve.
    DiskLow,
    /// There is enough disk space again.
    DiskFree,
    /// The user stops the sweep.
    Interrupted,
}
