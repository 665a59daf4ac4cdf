//! How an attempt ended, as the machine that executed it saw it.

use std::process::ExitStatus;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::{Fate, TrainerExit};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum AttemptEnd {
    /// Its process exited.
    Exit(TrainerExit, i32),
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
        fate: Option<Fate>,
    },
}

/// The same in `end.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Exit(i32),
    Signal(i32),
    KilledForMemory {
        certain: bool,
    },
    Lost {
        began: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fate: Option<Fate>,
    },
}

impl From<Written> for AttemptEnd {
    fn from(written: Written) -> Self {
        match written {
            Written::Exit(code) => Self::exit(code),
            Written::Signal(signal) => Self::Signal(signal),
            Written::KilledForMemory { certain } => Self::KilledForMemory { certain },
            Written::Lost { began, fate } => Self::Lost { began, fate },
        }
    }
}

impl From<AttemptEnd> for Written {
    fn from(end: AttemptEnd) -> Self {
        match end {
            AttemptEnd::Exit(_, code) => Self::Exit(code),
            AttemptEnd::Signal(signal) => Self::Signal(signal),
            AttemptEnd::KilledForMemory { certain } => Self::KilledForMemory { certain },
            AttemptEnd::Lost { began, fate } => Self::Lost { began, fate },
        }
    }
}

impl AttemptEnd {
    /// A kill, by whomever.
    pub const KILLED: Self = Self::Signal(Signal::SIGKILL as i32);

    /// An exit with a code.
    pub fn exit(code: i32) -> Self {
        Self::Exit(TrainerExit::from_code(code), code)
    }

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
            .map_or_else(|| Self::Signal(status.signal().unwrap_or(0)), Self::exit)
    }

    /// The end in words.
    pub fn words(&self) -> String {
        match self {
            Self::Exit(TrainerExit::Outcome, _) => "the trainer exited normally".to_owned(),
            Self::Exit(exit, code) => match exit.meaning() {
                Some(meaning) => format!("the trainer {meaning} (exit code {code})"),
                None => format!("the trainer exited with code {code}"),
            },
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
            AttemptEnd::exit(0),
            AttemptEnd::exit(7),
            AttemptEnd::exit(99),
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
