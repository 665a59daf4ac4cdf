//! Errors of the store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An error of SQLite.
    #[error("cannot use the store `{path}`: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The folder of the store cannot be written to.
    #[error("cannot write next to the store `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A newer version of isoflop wrote the store.
    #[error("the store `{path}` has version {found}: this isoflop reads versions up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest version that this program reads.
        known: usize,
    },
    /// The store is damaged.
    #[error("the store `{path}` is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage that SQLite found.
        reason: String,
    },
}

impl StoreError {
    /// Classifies an error of SQLite about a file.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::damaged(path, source.to_string())
            }
            // SQLite does not report the system's error: find it by writing a file.
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => write_beside(path)
                .map_or_else(
                    |reason| Self::unwritable(path, reason),
                    |()| Self::database(path, source),
                ),
            _ => Self::database(path, source),
        }
    }

    fn database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        Self::Database { path, source }
    }

    pub(super) fn damaged(path: &Path, reason: String) -> Self {
        let path = path.to_owned();
        Self::Damaged { path, reason }
    }

    pub(super) fn unwritable(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Unwritable { path, source }
    }
}

/// Writes a file next to another, to find out whether that is possible.
fn write_beside(path: &Path) -> io::Result<()> {
    let probe = path.with_extension("probe");
    fs::write(&probe, "x")?;
    fs::remove_file(&probe)
}
