//! What keeps an exchange from what it was asked for.

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
