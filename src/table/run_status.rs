//! How a run stands, in the word that tables have for it.

use isoflop_core::run::{Ending, Outcome};

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// All steps done, with a final loss.
    Finished,
    /// The loss exploded; there is no final loss.
    Diverged,
    /// No valid outcome yet.
    Missing,
}

impl RunStatus {
    pub(super) fn of(outcome: Option<&Outcome>) -> Self {
        match outcome.map(|outcome| outcome.ending) {
            Some(Ending::Finished { .. }) => Self::Finished,
            Some(Ending::Diverged { .. }) => Self::Diverged,
            None => Self::Missing,
        }
    }

    /// The word in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Diverged => "diverged",
            Self::Missing => "missing",
        }
    }
}
