//! What keeps an exchange, a storage or an engine from what it was asked for.

use std::io;

use crate::protocol::Refusal;

/// Why an exchange did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// There was no answer: another call may get one.
    #[error("{0}")]
    Unanswered(String),
    /// There is no such attempt, object or bucket, or not any more.
    #[error("there is no such object, or no such bucket")]
    Missing,
    /// It would be refused again.
    #[error("{}", .0.error)]
    Refused(Refusal),
    /// This machine does not let it be done.
    #[error("{0}")]
    Here(#[from] io::Error),
}

impl ExchangeError {
    /// A refusal, and what to do about it.
    pub(crate) fn refused(error: impl ToString, hint: &str) -> Self {
        Self::Refused(Refusal::new(error, hint))
    }
}

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

/// Why an engine did not do what it was asked. The words are for its user, and say which engine it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It does not answer, or not in time; or the program by which it is asked cannot be started.
    #[error("{0}")]
    Unreachable(String),
    /// It answers, and does not do it.
    #[error("{0}")]
    Rejected(String),
    /// It answers something that is not understood.
    #[error("{0}")]
    Malformed(String),
    /// This machine cannot write what the engine is to read.
    #[error("{0}")]
    Unwritable(String),
}

impl BackendError {
    /// The kind in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Rejected(_) => "rejected",
            Self::Malformed(_) => "malformed",
            Self::Unwritable(_) => "unwritable",
        }
    }

    /// The same error, with more said around its words.
    pub(crate) fn map(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Unreachable(why) => Self::Unreachable(words(why)),
            Self::Rejected(why) => Self::Rejected(words(why)),
            Self::Malformed(why) => Self::Malformed(words(why)),
            Self::Unwritable(why) => Self::Unwritable(words(why)),
        }
    }
}
