//! State of a run, as tables write it.

use isoflop_core::run::{Outcome, RunEnding};

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// All steps are done, and there is a final loss.
    Finished,
    /// The loss exploded, so there is no final loss.
    Diverged,
    /// The run has no valid outcome yet.
    Missing,
}

impl RunStatus {
    pub(super) fn from_outcome(outcome: Option<&Outcome>) -> Self {
        match outcome.map(|outcome| outcome.ending) {
            Some(RunEnding::Finished { .. }) => Self::Finished,
            Some(RunEnding::Diverged { .. }) => Self::Diverged,
            None => Self::Missing,
        }
    }

    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Diverged => "diverged",
            Self::Missing => "missing",
        }
    }
}
