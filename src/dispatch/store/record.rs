//! State of a run. Each state has its own data.

use isoflop_core::run::{Outcome, RunEnding, WriteError};
use serde::{Deserialize, Serialize};

/// The store's record of a run.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its state.
    pub state: RunState,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts that crashed. A user's retry resets the count.
    pub crashes: u32,
    /// True if its passes are split, because an attempt ran out of memory.
    pub split: bool,
}

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// It waits for a slot.
    Queued {
        /// The failure of the last attempt, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<AttemptFailure>,
    },
    /// It has a slot; its process has not been seen to start.
    Leased {
        /// The lease of its attempt.
        lease: Lease,
    },
    /// Its process has started.
    Running {
        /// The lease of its attempt.
        lease: Lease,
        /// Its process id, if it is on the coordinator's machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
    },
    /// Its attempt has delivered an outcome, which is being checked and committed.
    Committing {
        /// The lease of its attempt.
        lease: Lease,
    },
    /// It has an outcome: all steps were done.
    Done,
    /// It has an outcome: the loss exploded.
    Diverged,
    /// It is not retried, because another attempt would fail in the same way.
    Failed {
        /// The failure of the last attempt.
        failure: AttemptFailure,
    },
    /// It is not retried, because it crashed too often.
    Quarantined {
        /// The last crash.
        failure: AttemptFailure,
    },
    /// The user cancelled it.
    Cancelled,
}

impl Default for RunState {
    fn default() -> Self {
        Self::Queued { last: None }
    }
}

impl RunState {
    /// Every name that [`RunState::name`] returns, in the order in which a run goes through them.
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

    /// The state of a run with this outcome.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match outcome.ending {
            RunEnding::Finished { .. } => Self::Done,
            RunEnding::Diverged { .. } => Self::Diverged,
        }
    }

    /// The state of a run that this attempt has leased, in this slot.
    pub fn leased(attempt: u32, slot: usize) -> Self {
        let lease = Lease { attempt, slot };
        Self::Leased { lease }
    }

    /// The name of the state.
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

    /// Reports whether the run has an outcome.
    pub fn has_outcome(&self) -> bool {
        matches!(self, Self::Done | Self::Diverged)
    }

    /// Reports whether the run neither waits for a slot nor is in one.
    pub fn has_ended(&self) -> bool {
        !matches!(self, Self::Queued { .. }) && self.lease().is_none()
    }

    /// The reason why the run is not retried, or is queued again.
    pub fn failure(&self) -> Option<&AttemptFailure> {
        match self {
            Self::Failed { failure } | Self::Quarantined { failure } => Some(failure),
            Self::Queued { last } => last.as_ref(),
            _ => None,
        }
    }
}

/// The current attempt of a run, and its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The attempt, from 1.
    pub attempt: u32,
    /// Index of the slot in the executor's list.
    pub slot: usize,
}

/// A failure: an attempt that ended without an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailure {
    /// The class, which decides whether there is another attempt.
    pub class: FailureClass,
    /// Description for people.
    pub message: String,
}

impl AttemptFailure {
    /// Creates a failure.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }
}

/// All runs write to the same disk: a failure to write stops the sweep.
impl From<WriteError> for AttemptFailure {
    fn from(error: WriteError) -> Self {
        Self::new(FailureClass::Unwritable, error.to_string())
    }
}

/// Classes of failures, each with its own limit (docs/coordinator.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// An error that another attempt can avoid.
    Crash,
    /// Wrong input: the run cannot work as configured.
    UserError,
    /// It exceeded its time limit.
    TimeLimit,
    /// It ran out of memory.
    OutOfMemory,
    /// It was stopped for a reason outside of the run.
    Preempted,
    /// A file could not be written: every other run would fail in the same way.
    Unwritable,
    /// The engine rejected the attempt, and would reject every other.
    Refused,
}

impl FailureClass {
    /// Reports whether the sweep stops, because every other run would fail in the same way.
    pub fn stops_the_sweep(self) -> bool {
        matches!(self, Self::Unwritable | Self::Refused)
    }

    /// The name of the class, for people.
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
            AttemptFailure::new(FailureClass::Crash, "it said \"no\""),
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
            let record = RunRecord {
                state,
                attempts: 3,
                crashes: 1,
                split: true,
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
        }
    }
}
