//! Errors that end a use case.

use std::path::Path;

use isoflop_core::data::{CorpusError, StoredError};
use isoflop_report::ReportError;
use isoflop_sweep::{SweepError, SweepFile};
use isoflop_table::{ForeignError, ForeignFault, TableError};

/// An error that ends a use case: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AppError {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: String,
    /// What to do, in the words of the command line; empty where nothing is to be done.
    pub hint: String,
}

/// Whose fault an error is: a command exits with a code for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A fault of isoflop, or of the machine.
    Bug,
    /// What was asked for makes no sense.
    Usage,
    /// The sweep file, a corpus that it names, or a table of runs is not usable.
    BadSweep,
    /// Some runs failed; the others are done.
    RunsFailed,
    /// There is too little to fit.
    FitImpossible,
    /// Nothing can be executed: no trainer, no device, too little memory.
    ExecutorUnreachable,
}

impl AppError {
    /// An error of a kind, with its message and its hint.
    pub fn new(kind: ErrorKind, message: impl ToString, hint: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.to_string(),
            hint: hint.into(),
        }
    }

    /// What was asked for makes no sense.
    pub fn usage(message: impl ToString, hint: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message, hint)
    }

    /// A fault of isoflop, or of the machine.
    pub fn bug(message: impl ToString, hint: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message, hint)
    }
}

impl From<SweepError> for AppError {
    fn from(error: SweepError) -> Self {
        Self::new(ErrorKind::BadSweep, &error, error.hint.clone())
    }
}

impl AppError {
    /// A text that the sweep names is not usable, or cannot be stored as tokens.
    pub(crate) fn of_text(file: &SweepFile, path: &Path, error: &CorpusError) -> Self {
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
                return Self::bug(error, hint);
            }
        };
        file.fault_of_text(path, error.path(), error.to_string(), hint)
            .into()
    }
}

impl From<TableError> for AppError {
    fn from(error: TableError) -> Self {
        Self::bug(
            error,
            "free space, then run `isoflop report`: finished runs are kept",
        )
    }
}

impl From<ReportError> for AppError {
    fn from(error: ReportError) -> Self {
        Self::bug(
            error,
            "free space or choose another `--reports` folder, then run `isoflop report`",
        )
    }
}

impl From<StoredError> for AppError {
    fn from(error: StoredError) -> Self {
        Self::new(
            ErrorKind::BadSweep,
            error,
            "go on with `isoflop run` and the sweep file, which writes the tokens of its text again",
        )
    }
}

impl From<ForeignError> for AppError {
    fn from(error: ForeignError) -> Self {
        let exit = match &*error.fault {
            ForeignFault::UnknownRole { .. }
            | ForeignFault::MappedTwice { .. }
            | ForeignFault::NoSuchColumn { .. }
            | ForeignFault::ColumnTaken { .. } => ErrorKind::Usage,
            ForeignFault::NoRuns { .. } => ErrorKind::FitImpossible,
            _ => ErrorKind::BadSweep,
        };
        Self::new(exit, &error, error.fault.hint())
    }
}
