//! Why a storage cannot be used.

use std::io;

use super::ExchangeError;

/// Why a storage cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Its address is of no form that is known.
    #[error("`{0}` is neither `s3://` nor `file://`")]
    Address(String),
    /// Its folder cannot be made.
    #[error("`{0}` cannot be made: {1}")]
    Folder(String, io::Error),
    /// What it is told, here or by variables, does not go together.
    #[error(transparent)]
    Settings(#[from] object_store::Error),
    /// No name can begin with this.
    #[error(transparent)]
    Prefix(#[from] object_store::path::Error),
    /// It was tried.
    #[error(transparent)]
    Tried(#[from] ExchangeError),
}
