//! Interface of executors.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tokio::sync::watch;

use crate::exchange::BackendError;
use isoflop_core::run::{AttemptDir, AttemptEnd, WriteError};

/// Code that executes attempts on an engine. It starts a trainer on the attempt's folder, forwards
/// requests to it, and reports its end. Results are read from the folder only, never from the
/// engine. docs/executors.md gives the reasons.
pub trait Executor: Debug {
    /// Starts an attempt on `threads` CPU threads, within tokio's runtime. The attempt's folder
    /// must be complete.
    ///
    /// # Errors
    /// [`SpawnError`]: the attempt has not started, and will not.
    fn begin(
        &self,
        attempt: &AttemptDir,
        threads: u32,
        asked: watch::Receiver<StopRequest>,
    ) -> Result<Execution, SpawnError>;

    /// Continues to follow an attempt that an earlier coordinator started. `None` if attempts end
    /// with their coordinator.
    fn adopt(&self, _: &AttemptDir, _: watch::Receiver<StopRequest>) -> Option<Execution> {
        None
    }

    /// Signals that all attempts of an earlier coordinator are adopted.
    fn open(&self) {}

    /// Reports whether an attempt may wait in a queue before it starts.
    fn has_a_queue(&self) -> bool {
        false
    }

    /// Current outage, if any. No attempt is lost in an outage.
    fn outage(&self) -> Option<Outage> {
        None
    }
}

/// Outage of an engine. The coordinator waits for its end, and the user may be able to help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The engine does not list its jobs, for this reason.
    Silent(BackendError),
    /// The engine's storage does not answer, for this reason.
    StorageAway(String),
    /// The coordinator is still waiting for its first worker.
    NoWorkerYet,
    /// Workers have connected, and none sends requests any more.
    NoWorkerLeft,
}

impl Outage {
    /// Message about the outage.
    pub fn message(&self) -> String {
        match self {
            Self::Silent(why) => {
                format!("the engine does not answer: {why}; its jobs continue, and isoflop keeps retrying")
            }
            Self::StorageAway(why) => {
                format!("the storage does not answer: {why}; jobs continue, and isoflop keeps retrying")
            }
            Self::NoWorkerYet => {
                "no worker has connected yet: start one with `isoflop worker`, on another machine or on this one".to_owned()
            }
            Self::NoWorkerLeft => "no worker is connected any more; isoflop keeps waiting for their attempts".to_owned(),
        }
    }

    /// Reports whether attempts may train while no news of them arrives.
    pub fn hides_news(&self) -> bool {
        matches!(self, Self::StorageAway(_))
    }

    /// Message about the end of the outage.
    pub fn end_message(&self) -> &'static str {
        match self {
            Self::Silent(_) => "the engine answers again",
            Self::StorageAway(_) => "the storage answers again",
            Self::NoWorkerYet | Self::NoWorkerLeft => "a worker has connected",
        }
    }
}

/// An attempt that has started, or waits in a queue.
pub struct Execution {
    /// Process ID, if the process is on this machine.
    pub pid: Option<u32>,
    /// True once an engine has accepted the job, which then starts without its coordinator.
    pub taken: watch::Receiver<bool>,
    /// Resolves to the end of the attempt. Requests are forwarded while this is awaited.
    pub end: Pin<Box<dyn Future<Output = Result<AttemptEnd, ExecutionError>> + Send>>,
}

/// Failure to start a process.
#[derive(Debug, thiserror::Error)]
#[error("cannot start `{program}` for `{attempt}`: {source}")]
pub struct SpawnError {
    /// The trainer.
    pub program: PathBuf,
    /// The attempt's folder.
    pub attempt: PathBuf,
    /// Error of the system.
    pub source: io::Error,
}

impl SpawnError {
    pub(super) fn of(
        program: &Path,
        attempt: &AttemptDir,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let (program, attempt) = (program.to_owned(), attempt.root().to_owned());
        |source| Self {
            program,
            attempt,
            source,
        }
    }
}

/// Failure to execute an attempt, or to find out how it ended.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// Its process cannot be waited for.
    #[error("cannot wait for the trainer: {0}")]
    Wait(#[from] io::Error),
    /// The engine or the storage refused the job, and would refuse any other.
    #[error("cannot execute the job: {0}")]
    Refused(BackendError),
    /// Its folder cannot be written to.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
}

/// Request to the process of an attempt, in increasing urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopRequest {
    /// Continue.
    Nothing,
    /// Write a checkpoint and end.
    Stop,
    /// End without a checkpoint.
    EndNow,
}

/// Waits for a request of at least this urgency.
pub(crate) async fn wait_for_request(hears: &mut watch::Receiver<StopRequest>, least: StopRequest) {
    while *hears.borrow_and_update() < least {
        if hears.changed().await.is_err() {
            // The sender is gone, so no request can come.
            std::future::pending::<()>().await;
        }
    }
}

/// Sends a request, unless a more urgent one was sent before.
pub(crate) fn raise_request(asked: &watch::Sender<StopRequest>, what: StopRequest) {
    asked.send_if_modified(|asked| {
        let more = *asked < what;
        *asked = what.max(*asked);
        more
    });
}
