//! Token files that lie with the results already.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::run::{DataSpec, SweepDir, read_digest};

/// Why the text of a sweep cannot be trained on from its results alone.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// A token file is not there, or cannot be read.
    #[error("the tokens `{path}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its content is not what its name says.
    #[error("the tokens `{0}` are damaged: their digest is not the one that they are named by")]
    Damaged(PathBuf),
}

/// Checks the token files that runs name, and returns their sizes in bytes: of training and of validation.
///
/// # Errors
/// [`StoredError`] when one is missing or damaged.
pub fn stored(sweep: &SweepDir, data: &DataSpec) -> Result<(u64, u64), StoredError> {
    Ok((
        one(sweep, &data.train_digest)?,
        one(sweep, &data.validation_digest)?,
    ))
}

fn one(sweep: &SweepDir, digest: &str) -> Result<u64, StoredError> {
    let path = sweep.tokens(digest);
    let unreadable = |source| StoredError::Unreadable {
        path: path.clone(),
        source,
    };
    if read_digest(&path).map_err(unreadable)? != digest {
        return Err(StoredError::Damaged(path));
    }
    Ok(fs::metadata(&path).map_err(unreadable)?.len())
}
