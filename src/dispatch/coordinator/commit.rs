//! Making an attempt's outcome the run's, once.

use super::unwritable::{Unwritable, unwritable};
use crate::executor::dropped;
use crate::store::{Failure, FailureClass};
use isoflop_core::run::{
    AttemptDir, InvalidOutcome, Outcome, SweepDir, remove_checkpoints, write_json,
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
    // The run is done: its checkpoints are of no more use, and what cannot be removed costs only space.
    dropped(
        remove_checkpoints(&dir.checkpoints()),
        "checkpoints were not removed",
    );
    Ok(outcome)
}
