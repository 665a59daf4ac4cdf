//! Result of a drive.

use std::io;

use crate::coordinator::schedule::RunIndex;
use crate::store::{AttemptFailure, RunRecord, StoreError};
use isoflop_core::run::RunId;

/// Result of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveSummary {
    /// The state of each run of the plan.
    pub records: Vec<RunRecord>,
    /// The run whose failure stopped the sweep, such as a full disk, and the failure.
    pub stopped_by: Option<(RunIndex, AttemptFailure)>,
    /// True if the user stopped it.
    pub interrupted: bool,
    /// True if it left the running attempts to the engine.
    pub detached: bool,
}

impl DriveSummary {
    /// Counts the runs of the plan with an outcome.
    pub fn done(&self) -> usize {
        let records = self.records.iter();
        records.filter(|record| record.state.has_outcome()).count()
    }
}

/// An error of the coordinator itself.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The runtime or a signal handler cannot be created.
    #[error("cannot start the coordinator: {0}")]
    Runtime(#[from] io::Error),
    /// The store cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Another process wrote to the store.
    #[error(
        "attempt {attempt} no longer has the lease of run {run}: another process has written to the store"
    )]
    Stale {
        /// The run.
        run: RunId,
        /// The attempt.
        attempt: u32,
    },
}
