//! The schedule: decides what to do next, as a pure function of the state and an event.
//!
//! It uses no clock, no file and no process.

mod event;
mod facts;
mod queue;
mod state;
mod step;
mod verdict;

pub(super) use event::ScheduleEvent;
pub(super) use facts::{AttemptId, MonotonicTime, RunFacts};
pub use facts::{RunIndex, SchedulePolicy, SlotCapacity, SlotIndex};
pub(super) use state::ScheduleState;
pub(super) use step::{Decision, asked, step};
pub(super) use verdict::{
    GiveUpReason, MemoryUse, RetryTime, StopReason, Verdict, VerdictKind, VerdictSubject,
};

#[cfg(test)]
mod tests;
