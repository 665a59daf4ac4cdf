//! Why an engine cannot be spoken to.

use std::io;

use crate::exchange::{BackendError, TokenError};

/// Why an engine cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum DialectError {
    /// The results have no path that another machine could use.
    #[error("the results have no path that jobs could use: {0}")]
    Nowhere(io::Error),
    /// Its token is not used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// This machine has no certificates to know others by; in words.
    #[error("nothing can be asked over HTTP from here: {0}")]
    Http(BackendError),
}
