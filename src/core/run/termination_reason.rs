//! Termination reasons from an engine, for jobs that did not report their own end.

use serde::{Deserialize, Serialize};

/// Termination reason of a job, as its engine reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminationReason {
    /// It reached its time limit.
    TimeLimit,
    /// It exceeded its memory limit.
    OutOfMemory,
    /// Another job needed its resources.
    Preempted,
    /// It was requeued.
    Requeued,
    /// Its machine failed.
    NodeFailed,
    /// Its machine failed to boot.
    BootFailed,
    /// It could not end before its deadline.
    Deadline,
    /// A user or an administrator cancelled it.
    Cancelled,
    /// Another cluster took it over.
    Revoked,
    /// It exited with an error.
    Failed {
        /// Exit code.
        code: u8,
        /// Signal that killed it; 0 if it was not killed.
        signal: u8,
    },
    /// It exited normally.
    Completed,
    /// It was withdrawn through no fault of the run, with the engine's message.
    TakenBack(String),
    /// It failed, with the engine's message.
    Told(String),
}

impl TerminationReason {
    /// Message about the reason, with a remedy.
    pub fn message(&self) -> String {
        let words = match self {
            Self::TimeLimit => {
                "it reached its time limit before it ended; raise `time`, or `signal_seconds`"
            }
            Self::OutOfMemory => "it exceeded the memory limit of its job; raise `memory`",
            Self::Preempted => "it was preempted by another job",
            Self::Requeued => "the engine requeued it",
            Self::NodeFailed => "its machine failed",
            Self::BootFailed => "its machine failed to boot",
            Self::Deadline => {
                "it could not end before its deadline; check the `options` of the sweep"
            }
            Self::Cancelled => "it was cancelled by you or an administrator",
            Self::Revoked => "another cluster took it over",
            Self::Failed { code: 127, .. } => {
                "it exited with code 127: its machine does not find isoflop, or the job's script, under this path"
            }
            Self::Failed { code: 126, .. } => {
                "it exited with code 126: its machine cannot execute isoflop"
            }
            Self::Failed { code, signal: 0 } => return format!("it exited with code {code}"),
            Self::Failed { signal, .. } => return format!("it was killed by signal {signal}"),
            Self::Completed => "it exited normally; does its machine share this file system?",
            Self::TakenBack(words) => return format!("it was withdrawn: {words}"),
            Self::Told(words) => words,
        };
        words.to_owned()
    }
}
