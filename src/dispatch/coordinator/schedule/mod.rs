//! What to do next: a pure function of what is known and what happened. No clock, no file, no process.

mod facts;
mod queue;
mod state;
mod step;
mod verdict;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use facts::{Claim, Facts, Machine, Moment, Policy, RunIndex, SlotIndex};
pub use state::State;
pub(super) use step::asked;
pub use step::{Command, Decision, Event, Exploded, step};
pub use verdict::{GiveUp, Next, Room, StopReason, Verdict};
