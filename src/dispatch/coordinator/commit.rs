//! Commits: an attempt's outcome becomes the run's, once.

use super::leftovers::drop_checkpoints;
use crate::store::{AttemptFailure, FailureClass};
use isoflop_core::run::{
    AttemptDir, InvalidOutcome, Outcome, SweepDir, WriteError, unwritable, write_json,
};
use isoflop_sweep::PlannedRun;

/// A failed commit.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The outcome is not valid.
    #[error("{0}")]
    Invalid(#[from] InvalidOutcome),
    /// The outcome cannot be written.
    #[error("{0}")]
    Unwritable(#[from] WriteError),
}

impl From<CommitError> for AttemptFailure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Invalid(reason) => {
                let message = format!("the trainer exited normally, but {reason}");
                Self::new(FailureClass::Crash, message)
            }
            CommitError::Unwritable(error) => error.into(),
        }
    }
}

/// Checks the outcome that an attempt delivered and makes it the run's outcome.
pub(super) fn commit(
    sweep: &SweepDir,
    run: &PlannedRun,
    attempt: &AttemptDir,
    fence: &str,
) -> Result<Outcome, CommitError> {
    let outcome = Outcome::read_delivered(attempt, fence, &run.id, &run.spec)?;
    let dir = sweep.run(&run.id);
    write_json(&dir.outcome(), &outcome).map_err(unwritable(&dir.outcome()))?;
    drop_checkpoints(&dir);
    Ok(outcome)
}
