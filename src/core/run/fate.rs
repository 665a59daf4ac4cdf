//! What became of a job that left no word of its own, as its engine says.

use serde::{Deserialize, Serialize};

/// How an engine says that a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its time was over.
    TimeLimit,
    /// It took more memory than it might.
    OutOfMemory,
    /// Another job needed its place.
    Preempted,
    /// It was put back into the queue.
    Requeued,
    /// Its machine failed.
    NodeFailed,
    /// Its machine did not come up.
    BootFailed,
    /// It could not end before a moment that was set for it.
    Deadline,
    /// Somebody took it back, or ended it.
    Cancelled,
    /// Another cluster took it.
    Revoked,
    /// It ended by itself, badly.
    Failed {
        /// Its exit code.
        code: u8,
        /// The signal that ended it; 0 if none did.
        signal: u8,
    },
    /// It ended by itself, well.
    Completed,
    /// It was taken back, for no fault of its own, in the engine's words.
    TakenBack(String),
    /// It ended badly, in the engine's words.
    Told(String),
}

impl Fate {
    /// What it means, and what to do about it, in words.
    pub fn words(&self) -> String {
        let words = match self {
            Self::TimeLimit => {
                "its time limit was over before it ended by itself; raise `time`, or `signal_seconds`"
            }
            Self::OutOfMemory => "it used more memory than its job may; raise `memory`",
            Self::Preempted => "it was preempted by another job",
            Self::Requeued => "the engine put it back into its queue",
            Self::NodeFailed => "its machine failed",
            Self::BootFailed => "its machine did not come up",
            Self::Deadline => {
                "it could not be over by its deadline; see the `options` of the sweep"
            }
            Self::Cancelled => "it was cancelled, by you or an administrator",
            Self::Revoked => "another cluster took it",
            Self::Failed { code: 127, .. } => {
                "it exited with code 127: its machine finds isoflop, or its job's script, not under this path"
            }
            Self::Failed { code: 126, .. } => {
                "it exited with code 126: its machine cannot execute isoflop"
            }
            Self::Failed { code, signal: 0 } => return format!("it exited with code {code}"),
            Self::Failed { signal, .. } => return format!("it was ended by signal {signal}"),
            Self::Completed => "it exited normally; does its machine share this file system?",
            Self::TakenBack(words) => return format!("it was taken back: {words}"),
            Self::Told(words) => words,
        };
        words.to_owned()
    }
}
