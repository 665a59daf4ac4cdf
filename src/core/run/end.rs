//! How an attempt ended, as the machine that executed it saw it.

use std::process::ExitStatus;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::{Fate, TrainerExit};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// Its process exited, with this code ([`TrainerExit`]).
    Exit(i32),
    /// A signal ended it.
    Signal(i32),
    /// The kernel killed it for want of memory; if that is not `certain`, it does not count whom it kills.
    KilledForMemory {
        /// Whether the kernel has counted it.
        certain: bool,
    },
    /// The engine knows its job no more, and it left no word of its end.
    Lost {
        /// Whether it had begun.
        began: bool,
        /// What the engine says of its end, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fate: Option<Fate>,
    },
}

impl AttemptEnd {
    /// A kill, by whomever.
    pub const KILLED: Self = Self::Signal(Signal::SIGKILL as i32);

    /// That of a job which is gone without a word, of which the engine says nothing.
    pub fn lost(began: bool) -> Self {
        let fate = None;
        Self::Lost { began, fate }
    }

    /// The end that the system tells of.
    pub fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        status
            .code()
            .map_or_else(|| Self::Signal(status.signal().unwrap_or(0)), Self::Exit)
    }

    /// The end in words.
    pub fn words(&self) -> String {
        match self {
            Self::Exit(code) => exit_words(*code),
            Self::Signal(signal) => {
                let name = Signal::try_from(*signal).map_or_else(|_| signal.to_string(), |s| s.as_str().to_owned());
                let cause = if *self == Self::KILLED { " (the kernel has killed nothing for memory)" } else { "" };
                format!("the trainer was killed by {name}{cause}")
            }
            Self::KilledForMemory { certain: true } => {
                "the trainer was killed by the kernel, which had no memory left".to_owned()
            }
            Self::KilledForMemory { certain: false } => {
                "the trainer was killed by SIGKILL, perhaps for using too much memory".to_owned()
            }
            Self::Lost { fate: Some(fate), .. } => format!("the job left no word of its end: {}", fate.words()),
            Self::Lost { began: false, fate: None } => {
                "the job is gone and never began: the engine lost it, or its machine cannot start isoflop".to_owned()
            }
            Self::Lost { began: true, fate: None } => "the job is gone, and left no word of how it ended".to_owned(),
        }
    }
}

fn exit_words(code: i32) -> String {
    let exit = TrainerExit::from_code(code);
    match exit.meaning() {
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
            Some(Fate::OutOfMemory),
            Some(Fate::Failed {
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
