//! Errors of reports.

use std::path::{Path, PathBuf};

use isoflop_core::run::WriteError;

/// Reason that a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file cannot be written.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
    /// A figure cannot be drawn.
    #[error("cannot draw `{}`: {reason}", path.display())]
    Drawing {
        /// File of the figure.
        path: PathBuf,
        /// Error of the drawing library.
        reason: String,
    },
}

impl ReportError {
    /// Converts an error of the drawing library, for this file.
    pub(super) fn drawing<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |error| Self::Drawing {
            path,
            reason: error.to_string(),
        }
    }
}
