//! Token files in a results folder.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::run::{DataSpec, SweepDir, read_digest};

/// Reason that the tokens in a results folder cannot be used for training.
#[derive(Debug, thiserror::Error)]
pub enum StoredTokensError {
    /// Token file that is missing or cannot be read.
    #[error("cannot read the token file `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// Token file whose content does not match its name.
    #[error("the token file `{0}` is damaged: its digest does not match its name")]
    Damaged(PathBuf),
}

/// Checks the token files that specs name, and returns their sizes in bytes: (training,
/// validation).
///
/// # Errors
/// [`StoredTokensError`] if a file is missing or damaged.
pub fn check_stored_tokens(
    sweep: &SweepDir,
    data: &DataSpec,
) -> Result<(u64, u64), StoredTokensError> {
    Ok((
        checked_size(sweep, &data.train_digest)?,
        checked_size(sweep, &data.validation_digest)?,
    ))
}

fn checked_size(sweep: &SweepDir, digest: &str) -> Result<u64, StoredTokensError> {
    let path = sweep.tokens(digest);
    let unreadable = |source| StoredTokensError::Unreadable {
        path: path.clone(),
        source,
    };
    if read_digest(&path).map_err(unreadable)? != digest {
        return Err(StoredTokensError::Damaged(path));
    }
    Ok(fs::metadata(&path).map_err(unreadable)?.len())
}
