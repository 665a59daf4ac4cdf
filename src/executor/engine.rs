//! What every engine is to the coordinator.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;

use tokio::sync::watch;

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
pub struct Execution {
    /// Its process on this machine.
    pub pid: u32,
    /// How it ended, once it has; an error where that cannot be learnt. What is asked of it is passed on while this is awaited.
    pub end: Pin<Box<dyn Future<Output = io::Result<AttemptEnd>> + Send>>,
}
