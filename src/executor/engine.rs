//! What every engine is to the coordinator.

use std::fmt::Debug;
use std::io;

use tokio::sync::{oneshot, watch};

use super::asked::Asked;
use super::local::{AttemptEnd, SpawnError};
use crate::run::AttemptDir;

/// Where attempts execute. The contract with whatever trains is the attempt's folder: an engine gets a trainer started on it,
/// passes on what is asked of it, and says when it is over. It says nothing about results, and would not be believed:
/// docs/executors.md has the reasons.
pub trait Executor: Debug {
    /// Begins an attempt whose folder is written, on so many CPU threads, within tokio's runtime.
    ///
    /// # Errors
    /// [`SpawnError`]: it has not begun, and will not.
    fn begin(&self, attempt: &AttemptDir, threads: u32, asked: watch::Receiver<Asked>)
    -> Result<Execution, SpawnError>;
}

/// An attempt that has begun.
#[derive(Debug)]
pub struct Execution {
    /// Its process on this machine.
    pub pid: u32,
    /// How it ended, once it has.
    pub end: oneshot::Receiver<io::Result<AttemptEnd>>,
}

impl Execution {
    /// Waits until it is over.
    ///
    /// # Errors
    /// When its end cannot be learnt.
    pub async fn over(self) -> io::Result<AttemptEnd> {
        self.end.await.unwrap_or_else(|_| Err(io::Error::other("who waited for it is gone")))
    }
}
