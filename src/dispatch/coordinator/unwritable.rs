//! Files that cannot be written.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::{Failure, FailureClass};

/// A file or folder cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`: {source}")]
pub struct Unwritable {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What the system said of a path.
pub(super) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Unwritable + use<> {
    let path = path.to_owned();
    |source| Unwritable { path, source }
}

/// Every run writes to the same place: a failure to write stops the sweep.
impl From<Unwritable> for Failure {
    fn from(error: Unwritable) -> Self {
        Self::new(FailureClass::Unwritable, error.to_string())
    }
}
