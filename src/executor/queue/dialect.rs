//! How an engine is spoken to.

use std::collections::HashSet;

use super::Job;
use super::command::Commands;
use super::slurm::Slurm;
use crate::run::Fate;

/// How an engine is spoken to: three sentences, whichever the language. A job is known by its tag in all of them.
#[derive(Debug)]
pub enum Dialect {
    /// By commands that the sweep gives.
    Commands(Commands),
    /// By Slurm's own.
    Slurm(Box<Slurm>),
}

impl Dialect {
    /// Submits a job; the second time under the same tag changes nothing.
    ///
    /// # Errors
    /// The engine's words, if it does not take it.
    pub(super) async fn submit(&self, job: &Job) -> Result<(), String> {
        match self {
            Self::Commands(commands) => commands.submit(job).await,
            Self::Slurm(slurm) => slurm.submit(job).await,
        }
    }

    /// The tags of the jobs that wait or run; nothing if the engine does not say.
    pub(super) async fn live(&self) -> Option<HashSet<String>> {
        match self {
            Self::Commands(commands) => commands.live().await,
            Self::Slurm(slurm) => slurm.live().await,
        }
    }

    /// Ends a job, or takes it back; one that is gone needs no end.
    ///
    /// # Errors
    /// The engine's words, if it does not do it.
    pub(super) async fn cancel(&self, tag: &str) -> Result<(), String> {
        match self {
            Self::Commands(commands) => commands.cancel(tag).await,
            Self::Slurm(slurm) => slurm.cancel(tag).await,
        }
    }

    /// What became of a job that is gone, where the engine says.
    pub(super) async fn fate(&self, tag: &str) -> Option<Fate> {
        match self {
            Self::Commands(_) => None,
            Self::Slurm(slurm) => slurm.fate(tag).await,
        }
    }
}
