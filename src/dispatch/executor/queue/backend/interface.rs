//! Interface of queue backends.

use std::collections::HashSet;
use std::fmt::Debug;
use std::io;
use std::time::Duration;

use crate::exchange::{BackendError, TokenError};
use crate::executor::queue::job::QueueJob;
use isoflop_core::run::TerminationReason;

/// Error of setting up a queue backend.
#[derive(Debug, thiserror::Error)]
pub enum BackendSetupError {
    /// The results folder has no absolute path.
    #[error("cannot find the absolute path of the results folder: {0}")]
    Nowhere(io::Error),
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The HTTP client cannot be set up, for example because root certificates are missing.
    #[error("cannot set up HTTP: {0}")]
    Http(BackendError),
}

/// Protocol of one kind of queue. A job is identified by its tag.
pub(crate) trait QueueBackend: Debug + Send + Sync + 'static {
    /// Submits a job. A second submission with the same tag changes nothing.
    ///
    /// # Errors
    /// [`BackendError`], if the engine does not accept it.
    fn submit(&self, job: &QueueJob) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// Lists the tags of jobs that wait or run.
    ///
    /// # Errors
    /// [`BackendError`], if the engine does not list them.
    fn live(&self) -> impl Future<Output = Result<HashSet<String>, BackendError>> + Send;

    /// Cancels a job that runs or waits. A job that has ended is not an error.
    ///
    /// # Errors
    /// [`BackendError`], if the engine does not cancel it.
    fn cancel(&self, tag: &str) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// Finds the termination reason of a job that has ended, if the engine reports it.
    fn fate(&self, _: &str) -> impl Future<Output = Option<TerminationReason>> + Send {
        std::future::ready(None)
    }

    /// Longest time for which all jobs may wait, and the resources of each as text. `None`: jobs
    /// may wait forever.
    fn deadline(&self) -> Option<(Duration, String)> {
        None
    }
}
