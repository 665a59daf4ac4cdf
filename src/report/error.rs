//! Errors of reports.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The disk refuses.
    #[error("cannot write `{}`: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The drawing library refuses.
    #[error("cannot draw `{}`: {reason}", path.display())]
    NotDrawn {
        /// The file.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
}

impl ReportError {
    /// An error of the disk, at this file or folder.
    pub(super) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unwritable { path, source }
    }

    /// An error of the drawing library, at this file.
    pub(super) fn not_drawn<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |error| Self::NotDrawn {
            path,
            reason: error.to_string(),
        }
    }
}
