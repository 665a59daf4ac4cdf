//! Making an attempt's outcome the run's, once.

use super::leftovers::drop_checkpoints;
use crate::store::{Failure, FailureClass};
use isoflop_core::run::{
    AttemptDir, InvalidOutcome, Outcome, SweepDir, Unwritable, unwritable, write_json,
};
use isoflop_sweep::PlannedRun;

/// Why an outcome was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// It is not valid.
    #[error("{0}")]
    Invalid(#[from] InvalidOutcome),
    /// It cannot be written.
    #[error("{0}")]
    Unwritable(#[from] Unwritable),
}

impl From<CommitError> for Failure {
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

/// Checks what an attempt brought and makes it the run's outcome.
pub(super) fn commit(
    sweep: &SweepDir,
    run: &PlannedRun,
    attempt: &AttemptDir,
    fence: &str,
) -> Result<Outcome, CommitError> {
    let outcome = Outcome::delivered(attempt, fence, &run.id, &run.spec)?;
    let dir = sweep.run(&run.id);
    write_json(&dir.outcome(), &outcome).map_err(unwritable(&dir.outcome()))?;
    drop_checkpoints(&dir);
    Ok(outcome)
}
