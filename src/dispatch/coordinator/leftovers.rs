//! Removal of files that a killed coordinator or trainer left incomplete.

use std::collections::HashSet;
use std::fs;

use crate::exchange::dropped;
use isoflop_core::run::{RunDir, SweepDir, remove_checkpoints, remove_incomplete};
use isoflop_sweep::Plan;

/// Removes incomplete files, and the checkpoints of runs that are `done`.
///
/// A file that cannot be removed costs only disk space.
pub(super) fn sweep_leftovers(
    sweep: &SweepDir,
    plan: &Plan,
    done: &[bool],
    folders: &HashSet<String>,
) {
    remove_incomplete(sweep.root());
    remove_incomplete(&sweep.data());
    for (run, done) in plan.runs.iter().zip(done) {
        if !folders.contains(run.id.as_str()) {
            continue;
        }
        let dir = sweep.run(&run.id);
        remove_incomplete(dir.root());
        let attempts = dropped(fs::read_dir(dir.attempts()), "failed to list attempts");
        for attempt in attempts.into_iter().flatten().flatten() {
            remove_incomplete(&attempt.path());
        }
        for unfinished in [dir.checkpoints(), dir.trunk()].map(|kept| kept.incomplete()) {
            let removed = fs::remove_dir_all(unfinished.root());
            dropped(removed, "failed to remove an incomplete checkpoint");
        }
        if *done {
            drop_checkpoints(&dir);
        }
    }
}

/// Removes the checkpoints of a run that is done.
///
/// A file that cannot be removed costs only disk space.
pub(super) fn drop_checkpoints(run: &RunDir) {
    let removed = remove_checkpoints(&run.checkpoints());
    dropped(removed, "failed to remove checkpoints");
}
