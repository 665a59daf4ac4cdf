//! Errors of exchanges, storages and engines.

use std::io;

use crate::protocol::RequestRefusal;

/// Error of an exchange.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// There was no response. A retry may get one.
    #[error("{0}")]
    NoResponse(String),
    /// The attempt, object or bucket does not exist, or no longer exists.
    #[error("no such object or bucket")]
    Missing,
    /// The request was refused. A retry would be refused too.
    #[error("{}", .0.error)]
    Refused(RequestRefusal),
    /// I/O error of this machine.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl ExchangeError {
    /// Makes a refusal with a hint.
    pub(crate) fn refused(error: impl ToString, hint: &str) -> Self {
        Self::Refused(RequestRefusal::new(error, hint))
    }
}

/// Error of a storage.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The address has an unknown scheme.
    #[error("invalid storage address `{0}`: expected `s3://` or `file://`")]
    Address(String),
    /// The folder cannot be created.
    #[error("cannot create `{0}`: {1}")]
    Folder(String, io::Error),
    /// The settings, in the sweep or in environment variables, are invalid or contradictory.
    #[error(transparent)]
    Settings(#[from] object_store::Error),
    /// The prefix of object names is invalid.
    #[error(transparent)]
    Prefix(#[from] object_store::path::Error),
    /// A test request failed.
    #[error(transparent)]
    Tried(#[from] ExchangeError),
}

/// Error of an engine. The message is for the user, and names the engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The engine does not answer in time, or its program cannot be started.
    #[error("{0}")]
    Unreachable(String),
    /// The engine rejected the request.
    #[error("{0}")]
    Rejected(String),
    /// The response cannot be parsed.
    #[error("{0}")]
    Malformed(String),
    /// A file for the engine cannot be written.
    #[error("{0}")]
    Unwritable(String),
}

impl BackendError {
    /// Name of the variant, for logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Rejected(_) => "rejected",
            Self::Malformed(_) => "malformed",
            Self::Unwritable(_) => "unwritable",
        }
    }

    /// Changes the message.
    pub(crate) fn map(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Unreachable(why) => Self::Unreachable(words(why)),
            Self::Rejected(why) => Self::Rejected(words(why)),
            Self::Malformed(why) => Self::Malformed(words(why)),
            Self::Unwritable(why) => Self::Unwritable(words(why)),
        }
    }
}
