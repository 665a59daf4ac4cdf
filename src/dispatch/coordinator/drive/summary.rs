//! How a drive ends.

use std::io;

use crate::coordinator::schedule::RunIndex;
use crate::store::{Failure, Record, StoreError};
use isoflop_core::run::RunId;

/// How a drive ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How each run of the plan stands.
    pub records: Vec<Record>,
    /// The run that could not write its files, and why: the sweep was stopped.
    pub stopped_by: Option<(RunIndex, Failure)>,
    /// The user stopped it.
    pub interrupted: bool,
    /// It left the runs under way to the engine.
    pub detached: bool,
}

impl Summary {
    /// Runs of the plan with an outcome.
    pub fn done(&self) -> usize {
        let records = self.records.iter();
        records.filter(|record| record.state.has_outcome()).count()
    }
}

/// The coordinator itself cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// No runtime or signal handler.
    #[error("the coordinator cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// Nothing can be written down.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Another wrote to the store.
    #[error(
        "the store no longer says that attempt {attempt} holds run {run}: something else has written to it"
    )]
    Stale {
        /// The run.
        run: RunId,
        /// The attempt.
        attempt: u32,
    },
}
