//! What every engine is to the coordinator.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tokio::sync::watch;

use crate::exchange::BackendError;
use isoflop_core::run::{AttemptDir, AttemptEnd, Unwritable};

/// Where attempts execute. The contract with whatever trains is the attempt's folder: an engine gets a trainer started on it,
/// passes on what is asked of it, and says when it is over. It says nothing about results, and would not be believed:
/// docs/executors.md has the reasons.
pub trait Executor: Debug {
    /// Begins an attempt whose folder is written, on so many CPU threads, within tokio's runtime.
    ///
    /// # Errors
    /// [`SpawnError`]: it has not begun, and will not.
    fn begin(
        &self,
        attempt: &AttemptDir,
        threads: u32,
        asked: watch::Receiver<Asked>,
    ) -> Result<Execution, SpawnError>;

    /// Goes on with an attempt that an earlier coordinator began; nothing where attempts end with their coordinator.
    fn adopt(&self, _: &AttemptDir, _: watch::Receiver<Asked>) -> Option<Execution> {
        None
    }

    /// All that an earlier coordinator began and that this one goes on with is adopted.
    fn open(&self) {}

    /// Whether an attempt may wait before it begins, for a machine that is not ours to give.
    fn has_a_queue(&self) -> bool {
        false
    }

    /// What keeps it from its attempts at the moment, if anything does. None of them is lost by it.
    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

/// What keeps an engine from its attempts: it is waited for, and its user may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It does not say what it has, and why.
    Silent(BackendError),
    /// The storage by which it is reached does not answer; why, in words.
    StorageAway(String),
    /// No worker has called since the coordinator is there.
    NoWorkerYet,
    /// Workers have called, and none does any more.
    NoWorkerLeft,
}

impl Trouble {
    /// What is wrong, and what is done about it.
    pub fn words(&self) -> String {
        match self {
            Self::Silent(why) => {
                format!("the engine does not answer: {why}; what it has goes on, and it is asked until it does")
            }
            Self::StorageAway(why) => {
                format!("the storage does not answer: {why}; it is called until it does, and jobs go on meanwhile")
            }
            Self::NoWorkerYet => {
                "no worker has called yet: `isoflop worker` on another machine, or on this one, starts one".to_owned()
            }
            Self::NoWorkerLeft => "no worker calls any more; what they have is waited for".to_owned(),
        }
    }

    /// Whether attempts may train and nothing be heard of them.
    pub fn hides_news(&self) -> bool {
        matches!(self, Self::StorageAway(_))
    }

    /// That it is over.
    pub fn over(&self) -> &'static str {
        match self {
            Self::Silent(_) => "the engine answers again",
            Self::StorageAway(_) => "the storage answers again",
            Self::NoWorkerYet | Self::NoWorkerLeft => "a worker has called",
        }
    }
}

/// An attempt that has begun, or waits to.
pub struct Execution {
    /// Its process, where that is on this machine.
    pub pid: Option<u32>,
    /// Whether it needs its coordinator no more to begin: an engine has taken it.
    pub taken: watch::Receiver<bool>,
    /// How it ended, once it has. What is asked of it is passed on while this is awaited.
    pub end: Pin<Box<dyn Future<Output = Result<AttemptEnd, ExecutionError>> + Send>>,
}

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start `{program}` for `{attempt}`: {source}")]
pub struct SpawnError {
    /// The trainer.
    pub program: PathBuf,
    /// The attempt's folder.
    pub attempt: PathBuf,
    /// What the system said.
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

/// Why it cannot be said how an attempt ended.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// Its process cannot be waited for.
    #[error("the trainer cannot be waited for: {0}")]
    Wait(#[from] io::Error),
    /// The engine did not take it: it would take no other.
    #[error("the job was not taken: {0}")]
    Refused(BackendError),
    /// Its folder cannot be written to.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

/// What an attempt's process is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// To go on.
    Nothing,
    /// To write a checkpoint and end.
    Stop,
    /// To end without a checkpoint.
    EndNow,
}

/// Waits until as much is asked for.
pub(crate) async fn heard(hears: &mut watch::Receiver<Asked>, least: Asked) {
    while *hears.borrow_and_update() < least {
        if hears.changed().await.is_err() {
            // Nobody is left to ask.
            std::future::pending::<()>().await;
        }
    }
}

/// Asks for no less than before.
pub(crate) fn ask(asked: &watch::Sender<Asked>, what: Asked) {
    asked.send_if_modified(|asked| {
        let more = *asked < what;
        *asked = what.max(*asked);
        more
    });
}
