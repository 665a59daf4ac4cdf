//! Exit codes, and errors that end a command.

use std::path::Path;
use std::process::ExitCode;

use isoflop_core::data::CorpusError;
use isoflop_dispatch::coordinator::{DriveError, LockError, ResumeError};
use isoflop_dispatch::executor::{DeviceError, TrainerMissing};
use isoflop_dispatch::store::StoreError;
use isoflop_report::ReportError;
use isoflop_sweep::{SweepError, SweepFile};
use isoflop_table::TableError;

/// Exit codes of `isoflop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// A fault of isoflop, or of the machine.
    Bug = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The sweep file, a corpus that it names, or a table of runs is not usable.
    BadSweep = 3,
    /// Some runs failed; the others are done.
    RunsFailed = 4,
    /// There is too little to fit.
    FitImpossible = 5,
    /// Nothing can be executed: no trainer, no device, too little memory.
    ExecutorUnreachable = 6,
    /// Stopped by the user; running it again goes on.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that ends a command: what is wrong, and what to do.
#[derive(Clone, Debug)]
pub struct Failed {
    /// How to exit.
    pub exit: Exit,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Failed {
    pub(super) fn new(exit: Exit, message: impl ToString, hint: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.to_string(),
            hint: hint.into(),
        }
    }
}

impl From<SweepError> for Failed {
    fn from(error: SweepError) -> Self {
        Self::new(Exit::BadSweep, &error, error.hint.clone())
    }
}

impl Failed {
    /// A text that the sweep names is not usable, or cannot be stored as tokens.
    pub(super) fn of_text(file: &SweepFile, path: &Path, error: &CorpusError) -> Self {
        let hint = match error {
            CorpusError::Unreadable { path, .. } if path.starts_with("s3:") => {
                "check that it is whole where it lies; what was fetched of it is kept in `~/.cache/isoflop/text` and may be removed"
            }
            CorpusError::Unreadable { .. } => "check the path: it is relative to the sweep file",
            CorpusError::Empty { .. } => "name a file with text",
            CorpusError::NotUtf8 { .. } => "convert it, for example with `iconv -f latin1 -t utf8`",
            CorpusError::Overlap { .. } => {
                "remove the shared documents from one of the files, or use `text` with `validation_fraction`"
            }
            CorpusError::NotSplittable { .. } => {
                "use longer text, or name `train` and `validation` files"
            }
            CorpusError::Unwritable { .. } => {
                let hint = "free space or choose another `--results` folder, then run the same command again";
                return Self::new(Exit::Bug, error, hint);
            }
        };
        file.fault_of_text(path, error.path(), error.to_string(), hint)
            .into()
    }
}

impl From<LockError> for Failed {
    fn from(error: LockError) -> Self {
        let hint = match &error {
            LockError::Held { .. } => "wait for it to end, or use another `--results` folder",
            LockError::Unwritable { .. } => "choose a `--results` folder that can be written to",
        };
        Self::new(Exit::Bug, error, hint)
    }
}

impl From<TrainerMissing> for Failed {
    fn from(error: TrainerMissing) -> Self {
        Self::new(
            Exit::ExecutorUnreachable,
            error,
            "build it with `make build`, or name it with `--trainer`",
        )
    }
}

impl From<DeviceError> for Failed {
    fn from(error: DeviceError) -> Self {
        Self::new(
            Exit::ExecutorUnreachable,
            error,
            "use `device: auto` or `device: cpu`",
        )
    }
}

impl From<DriveError> for Failed {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Store(error) => error.into(),
            DriveError::Runtime(_) | DriveError::Stale { .. } => Self::new(
                Exit::Bug,
                error,
                "run the same command again: finished runs are kept",
            ),
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Newer { .. } => "use the isoflop that made it, or a later one",
            StoreError::Database { .. } | StoreError::Unwritable { .. } => {
                "free space and check that the folder can be written to; finished runs are kept"
            }
            StoreError::Damaged { .. } => {
                "move the file away: `isoflop run` makes it anew from the results folder; finished runs are kept"
            }
        };
        Self::new(Exit::Bug, error, hint)
    }
}

impl From<ResumeError> for Failed {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Store(error) => error.into(),
            ResumeError::Survivors(_) => Self::new(
                Exit::Bug,
                error,
                "end them, then run the same command again",
            ),
        }
    }
}

impl From<TableError> for Failed {
    fn from(error: TableError) -> Self {
        Self::new(
            Exit::Bug,
            error,
            "free space, then run `isoflop report`: finished runs are kept",
        )
    }
}

impl From<ReportError> for Failed {
    fn from(error: ReportError) -> Self {
        Self::new(
            Exit::Bug,
            error,
            "free space or choose another `--reports` folder, then run `isoflop report`",
        )
    }
}
