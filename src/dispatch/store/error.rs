//! What is wrong with a store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says why.
    #[error("cannot use the store `{path}`: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The system lets nothing be written beside it, and says why.
    #[error("cannot write beside the store `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was made by a program that knows more.
    #[error("the store `{path}` has version {found}, this isoflop knows up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest this program knows.
        known: usize,
    },
    /// It is damaged.
    #[error("the store `{path}` is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
}

impl StoreError {
    /// What SQLite said of a file.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::damaged(path, source.to_string())
            }
            // SQLite keeps the system's reason to itself.
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

/// Makes a file beside another, to see whether that can be done.
fn write_beside(path: &Path) -> io::Result<()> {
    let probe = path.with_extension("probe");
    fs::write(&probe, "x")?;
    fs::remove_file(&probe)
}
