//! Why an engine did not do what it was asked.

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
