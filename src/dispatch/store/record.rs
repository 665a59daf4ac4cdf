//! How a run stands. A state carries its data.

use isoflop_core::run::{Ending, Outcome, Unwritable};
use serde::{Deserialize, Serialize};

/// What is remembered of a run.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// How it stands.
    pub state: RunState,
    /// Attempts claimed so far.
    pub attempts: u32,
    /// Of them, those that crashed; counted anew when the user asks for another try.
    pub crashes: u32,
    /// Whether its passes are split, because an attempt found no memory.
    pub split: bool,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// Waiting for a slot.
    Queued {
        /// Why it waits again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Failure>,
    },
    /// Claimed for a slot; its process may or may not have been started.
    Leased {
        /// By whom it is held.
        lease: Lease,
    },
    /// Its process runs.
    Running {
        /// By whom it is held.
        lease: Lease,
        /// Its process, where that is on the coordinator's machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
    },
    /// Its attempt has delivered; the outcome is being checked and made the run's.
    Committing {
        /// By whom it is held.
        lease: Lease,
    },
    /// It has an outcome: all steps were done.
    Done,
    /// It has an outcome: the loss exploded.
    Diverged,
    /// Given up, because trying again is of no use.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Given up, because it crashed too often.
    Quarantined {
        /// How it crashed last.
        failure: Failure,
    },
    /// Given up on the user's wish.
    Cancelled,
}

impl Default for RunState {
    fn default() -> Self {
        Self::Queued { last: None }
    }
}

impl RunState {
    /// Every name that [`RunState::name`] gives, in the order of a run's life.
    pub const NAMES: [&str; 9] = [
        "queued",
        "leased",
        "running",
        "committing",
        "done",
        "diverged",
        "failed",
        "quarantined",
        "cancelled",
    ];

    /// That of a run with this outcome.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match outcome.ending {
            Ending::Finished { .. } => Self::Done,
            Ending::Diverged { .. } => Self::Diverged,
        }
    }

    /// That of a run which this attempt holds, in this slot.
    pub fn leased(attempt: u32, slot: usize) -> Self {
        let lease = Lease { attempt, slot };
        Self::Leased { lease }
    }

    /// The state in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Leased { .. } => "leased",
            Self::Running { .. } => "running",
            Self::Committing { .. } => "committing",
            Self::Done => "done",
            Self::Diverged => "diverged",
            Self::Failed { .. } => "failed",
            Self::Quarantined { .. } => "quarantined",
            Self::Cancelled => "cancelled",
        }
    }

    /// The lease of a run that is in a slot.
    pub fn lease(&self) -> Option<Lease> {
        match self {
            Self::Leased { lease } | Self::Running { lease, .. } | Self::Committing { lease } => {
                Some(*lease)
            }
            _ => None,
        }
    }

    /// Whether it has an outcome.
    pub fn has_outcome(&self) -> bool {
        matches!(self, Self::Done | Self::Diverged)
    }

    /// Whether it neither waits nor runs.
    pub fn has_ended(&self) -> bool {
        !matches!(self, Self::Queued { .. }) && self.lease().is_none()
    }

    /// Why it was given up, or waits again.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure } | Self::Quarantined { failure } => Some(failure),
            Self::Queued { last } => last.as_ref(),
            _ => None,
        }
    }
}

/// The attempt that holds a run, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The attempt, from 1.
    pub attempt: u32,
    /// The slot, by its place in the executor's list.
    pub slot: usize,
}

/// Why an attempt brought no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Of which kind, which decides whether there is another attempt.
    pub class: FailureClass,
    /// In words, for people.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }
}

/// Every run writes to the same place: a failure to write stops the sweep.
impl From<Unwritable> for Failure {
    fn from(error: Unwritable) -> Self {
        Self::new(FailureClass::Unwritable, error.to_string())
    }
}

/// Kinds of failure, each with its own limit (docs/coordinator.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Something went wrong that may go well another time.
    Crash,
    /// What the run was given cannot work.
    UserError,
    /// It took longer than it may.
    TimeLimit,
    /// Memory ran out.
    OutOfMemory,
    /// It was stopped for reasons that are not its own.
    Preempted,
    /// A file could not be written: every other run would fail alike.
    Unwritable,
    /// The engine does not take it: it would take no other.
    Refused,
}

impl FailureClass {
    /// Whether every other run would fail alike, so that the sweep stops.
    pub fn stops_the_sweep(self) -> bool {
        matches!(self, Self::Unwritable | Self::Refused)
    }

    /// The class in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::UserError => "user error",
            Self::TimeLimit => "time limit",
            Self::OutOfMemory => "out of memory",
            Self::Preempted => "preempted",
            Self::Unwritable => "unwritable",
            Self::Refused => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_the_store() {
        let (lease, failure) = (
            Lease {
                attempt: 3,
                slot: 1,
            },
            Failure::new(FailureClass::Crash, "it said \"no\""),
        );
        let states = [
            RunState::default(),
            RunState::Leased { lease },
            RunState::Running {
                lease,
                pid: Some(7),
            },
            RunState::Committing { lease },
            RunState::Done,
            RunState::Diverged,
            RunState::Failed {
                failure: failure.clone(),
            },
            RunState::Quarantined { failure },
            RunState::Cancelled,
        ];
        for (state, name) in states.into_iter().zip(RunState::NAMES) {
            assert_eq!(state.name(), name);
            let record = Record {
                state,
                attempts: 3,
                crashes: 1,
                split: true,
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        }
    }
}
