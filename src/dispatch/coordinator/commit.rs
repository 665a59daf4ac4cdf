//! Making an attempt's outcome the run's, once.

use std::io;
use std::path::PathBuf;

use crate::executor::dropped;
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
    #[error("cannot write `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
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
    let path = dir.outcome();
    write_json(&path, &outcome).map_err(|source| CommitError::Unwritable { path, source })?;
    // The run is done: its checkpoints are of no more use, and what cannot be removed costs only space.
    dropped(
        remove_checkpoints(&dir.checkpoints()),
        "checkpoints were not removed",
    );
    Ok(outcome)
}
