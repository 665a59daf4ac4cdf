//! What to do next: a pure function of what is known and what happened. No clock, no file, no process.

mod event;
mod facts;
mod queue;
mod state;
mod step;
mod verdict;

pub(super) use event::Event;
pub(super) use facts::{Claim, Facts, Moment};
pub use facts::{Machine, Policy, RunIndex, SlotIndex};
pub(super) use state::State;
pub(super) use step::{Decision, asked, step};
pub(super) use verdict::{Choice, GiveUp, Next, Room, StopReason, Subject, Verdict};

#[cfg(test)]
mod tests;
