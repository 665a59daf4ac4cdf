//! End of an attempt, as the machine that executed it observed it.

use std::process::ExitStatus;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::{TerminationReason, TrainerExit};

/// End of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The process exited with this code ([`TrainerExit`]).
    Exit(i32),
    /// A signal killed the process.
    Signal(i32),
    /// The kernel killed the process for lack of memory. Not `certain` if the kernel does not count
    /// such kills.
    KilledForMemory {
        /// True if the kernel has counted the kill.
        certain: bool,
    },
    /// The engine no longer lists the job, and the job did not report its end.
    Lost {
        /// True if the job had begun.
        began: bool,
        /// Termination reason, if the engine reports one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fate: Option<TerminationReason>,
    },
}

impl AttemptEnd {
    /// SIGKILL, from any sender.
    pub const KILLED: Self = Self::Signal(Signal::SIGKILL as i32);

    /// End of a job that disappeared, if the engine reports no reason.
    pub fn lost(began: bool) -> Self {
        let fate = None;
        Self::Lost { began, fate }
    }

    /// Converts the exit status of a process.
    pub fn from_status(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        status
            .code()
            .map_or_else(|| Self::Signal(status.signal().unwrap_or(0)), Self::Exit)
    }

    /// Message about the end.
    pub fn message(&self) -> String {
        match self {
            Self::Exit(code) => exit_message(*code),
            Self::Signal(signal) => {
                let name = Signal::try_from(*signal).map_or_else(|_| signal.to_string(), |s| s.as_str().to_owned());
                let cause = if *self == Self::KILLED { " (not by the kernel's out-of-memory killer)" } else { "" };
                format!("the trainer was killed by {name}{cause}")
            }
            Self::KilledForMemory { certain: true } => {
                "the trainer was killed by the kernel's out-of-memory killer".to_owned()
            }
            Self::KilledForMemory { certain: false } => {
                "the trainer was killed by SIGKILL, possibly for using too much memory".to_owned()
            }
            Self::Lost { fate: Some(fate), .. } => format!("the job did not report its end: {}", fate.message()),
            Self::Lost { began: false, fate: None } => {
                "the job disappeared before it began: the engine lost it, or its machine cannot start isoflop".to_owned()
            }
            Self::Lost { began: true, fate: None } => "the job disappeared and did not report its end".to_owned(),
        }
    }
}

fn exit_message(code: i32) -> String {
    let exit = TrainerExit::from_code(code);
    match exit.cause() {
        _ if exit == TrainerExit::Outcome => "the trainer exited normally".to_owned(),
        Some(meaning) => format!("the trainer {meaning} (exit code {code})"),
        None => format!("the trainer exited with code {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_survives_the_file() {
        let memory = [true, false].map(|certain| AttemptEnd::KilledForMemory { certain });
        let fates = [
            None,
            Some(TerminationReason::OutOfMemory),
            Some(TerminationReason::Failed {
                code: 127,
                signal: 0,
            }),
        ];
        let lost = fates.map(|fate| AttemptEnd::Lost {
            began: fate.is_none(),
            fate,
        });
        let others = [
            AttemptEnd::Exit(0),
            AttemptEnd::Exit(7),
            AttemptEnd::Exit(99),
            AttemptEnd::KILLED,
        ];
        for end in memory.into_iter().chain(lost).chain(others) {
            let text = serde_json::to_string(&end).unwrap();
            assert_eq!(
                serde_json::from_str::<AttemptEnd>(&text).unwrap(),
                end,
                "{text}"
            );
        }
        let earlier = serde_json::from_str::<AttemptEnd>(r#"{"lost":{"began":true}}"#).unwrap();
        assert_eq!(
            earlier,
            AttemptEnd::Lost {
                began: true,
                fate: None
            }
        );
    }
}
