//! Committing outcomes, once each.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::run::{AttemptDir, InvalidOutcome, Launch, Outcome, RunDir, SweepDir, remove_checkpoints, write_json};
use crate::sweep::{Plan, PlannedRun};

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
    let path = sweep.run(&run.id).outcome();
    write_json(&path, &outcome).map_err(|source| CommitError::Unwritable { path, source })?;
    // The run is done: its checkpoints are of no more use, and what cannot be removed costs only space.
    let _ = remove_checkpoints(&sweep.run(&run.id).checkpoints());
    Ok(outcome)
}

/// How the plan's runs stand as a coordinator starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// For each run of the plan, whether it has a valid outcome.
    pub done: Vec<bool>,
    /// Outcomes that are there and not valid: these runs are done again. Each with the reason.
    pub damaged: Vec<(String, String)>,
    /// Folders of finished runs that the plan does not ask for; they are kept.
    pub unwanted: Vec<String>,
}

/// Looks at the results: set difference by run id.
///
/// An outcome that a killed coordinator did not come to commit is committed now.
pub fn resume(sweep: &SweepDir, plan: &Plan) -> Resumed {
    let mut resumed = Resumed { unwanted: unwanted(sweep, plan), ..Resumed::default() };
    for run in &plan.runs {
        let done = match Outcome::committed(&sweep.run(&run.id), &run.id, &run.spec) {
            Ok(_) => true,
            Err(InvalidOutcome::Missing) => commit_left_behind(sweep, run).is_some(),
            Err(reason) => {
                resumed.damaged.push((run.label(), reason.to_string()));
                false
            }
        };
        resumed.done.push(done);
    }
    resumed
}

fn commit_left_behind(sweep: &SweepDir, run: &PlannedRun) -> Option<Outcome> {
    let attempt = sweep.run(&run.id).attempt(last_attempt(sweep, run)?);
    let launch: Launch = serde_json::from_slice(&fs::read(attempt.launch()).ok()?).ok()?;
    commit(sweep, run, &attempt, &launch.fence).ok()
}

/// The number of the latest attempt at a run.
pub(super) fn last_attempt(sweep: &SweepDir, run: &PlannedRun) -> Option<u32> {
    let entries = fs::read_dir(sweep.run(&run.id).attempts()).ok()?;
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).max()
}

fn unwanted(sweep: &SweepDir, plan: &Plan) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sweep.runs()) else { return Vec::new() };
    let wanted: HashSet<&str> = plan.runs.iter().map(|run| run.id.as_str()).collect();
    let mut folders: Vec<String> = entries
        .flatten()
        .filter(|entry| RunDir::new(entry.path()).outcome().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|folder| !wanted.contains(folder.as_str()))
        .collect();
    folders.sort();
    folders
}
