//! Errors that end a use case.

use std::path::Path;

use isoflop_core::data::{CorpusError, StoredTokensError};
use isoflop_report::ReportError;
use isoflop_sweep::{SweepError, SweepFile};
use isoflop_table::{ForeignError, ForeignFault, TableError};

/// An error that ends a use case, with a message and a hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AppError {
    /// Kind of the error, which decides the exit code.
    pub kind: ErrorKind,
    /// Message for users.
    pub message: String,
    /// Action for users of the command line; empty if no action helps.
    pub hint: String,
}

/// Kind of an error. Each kind has an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A bug of isoflop, or a fault of the machine such as a full disk.
    Bug,
    /// Invalid arguments.
    Usage,
    /// An invalid sweep file, corpus or table of runs.
    BadSweep,
    /// Some runs failed.
    RunsFailed,
    /// Too few runs to fit.
    FitImpossible,
    /// Runs cannot be executed: no trainer, no device, or too little memory.
    ExecutorUnreachable,
}

impl AppError {
    /// Creates an error of a kind, with its message and its hint.
    pub fn new(kind: ErrorKind, message: impl ToString, hint: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.to_string(),
            hint: hint.into(),
        }
    }

    /// Creates an error for invalid arguments.
    pub fn usage(message: impl ToString, hint: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message, hint)
    }

    /// Creates an error for a bug of isoflop or a fault of the machine.
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
    /// Creates an error for a text of the sweep that cannot be used or stored as tokens.
    pub(crate) fn of_text(file: &SweepFile, path: &Path, error: &CorpusError) -> Self {
        let hint = match error {
            CorpusError::Unreadable { path, .. } if path.starts_with("s3:") => {
                "check that the object in the bucket is intact; its downloaded copy is in `~/.cache/isoflop/text` and can be removed"
            }
            CorpusError::Unreadable { .. } => "check the path, which is relative to the sweep file",
            CorpusError::Empty { .. } => "name a file that contains text",
            CorpusError::NotUtf8 { .. } => {
                "convert it to UTF-8, for example with `iconv -f latin1 -t utf8`"
            }
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
        file.text_error(path, error.path(), error.to_string(), hint)
            .into()
    }
}

impl From<TableError> for AppError {
    fn from(error: TableError) -> Self {
        Self::bug(
            error,
            "free space, then run `isoflop report`; finished runs are kept",
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

impl From<StoredTokensError> for AppError {
    fn from(error: StoredTokensError) -> Self {
        Self::new(
            ErrorKind::BadSweep,
            error,
            "run `isoflop run` with the sweep file, which writes the tokens of its text again",
        )
    }
}

impl From<ForeignError> for AppError {
    fn from(error: ForeignError) -> Self {
        let exit = match &*error.fault {
            ForeignFault::UnknownRole { .. }
            | ForeignFault::DuplicateMapping { .. }
            | ForeignFault::UnknownColumn { .. }
            | ForeignFault::ColumnTaken { .. } => ErrorKind::Usage,
            ForeignFault::NoRuns { .. } => ErrorKind::FitImpossible,
            _ => ErrorKind::BadSweep,
        };
        Self::new(exit, &error, error.fault.hint())
    }
}
