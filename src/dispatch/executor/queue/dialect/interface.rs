//! What every engine with a queue is told and asked.

use std::collections::HashSet;
use std::fmt::Debug;
use std::io;
use std::time::Duration;

use crate::exchange::{BackendError, TokenError};
use crate::executor::queue::job::Job;
use isoflop_core::run::Fate;

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

/// How an engine is spoken to. A job is known by its tag.
pub(crate) trait Dialect: Debug + Send + Sync + 'static {
    /// Submits a job; the second time under the same tag changes nothing.
    ///
    /// # Errors
    /// [`BackendError`], if it does not take it.
    fn submit(&self, job: &Job) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// The tags of the jobs that wait or run.
    ///
    /// # Errors
    /// [`BackendError`], if it does not say.
    fn live(&self) -> impl Future<Output = Result<HashSet<String>, BackendError>> + Send;

    /// Ends a job, or takes it back; one that is gone needs no end.
    ///
    /// # Errors
    /// [`BackendError`], if it does not do it.
    fn cancel(&self, tag: &str) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// What became of a job that is gone, where the engine says.
    fn fate(&self, _: &str) -> impl Future<Output = Option<Fate>> + Send {
        std::future::ready(None)
    }

    /// How long all jobs may wait with none begun, and what each asks for; nothing where they may wait for ever.
    fn deadline(&self) -> Option<(Duration, String)> {
        None
    }
}
