//! Errors of reports.

use std::path::{Path, PathBuf};

use isoflop_core::run::Unwritable;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The disk refuses.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
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
    /// An error of the drawing library, at this file.
    pub(super) fn not_drawn<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |error| Self::NotDrawn {
            path,
            reason: error.to_string(),
        }
    }
}
