//! What a coordinator or a trainer left half-written when it died.

use std::collections::HashSet;
use std::fs;

use crate::exchange::dropped;
use isoflop_core::run::{RunDir, SweepDir, remove_checkpoints, remove_unfinished};
use isoflop_sweep::Plan;

/// Removes files in the making, and the checkpoints of runs that are `done`. What cannot be removed costs only space.
pub(super) fn sweep_leftovers(
    sweep: &SweepDir,
    plan: &Plan,
    done: &[bool],
    folders: &HashSet<String>,
) {
    remove_unfinished(sweep.root());
    remove_unfinished(&sweep.data());
    for (run, done) in plan.runs.iter().zip(done) {
        if !folders.contains(run.id.as_str()) {
            continue;
        }
        let dir = sweep.run(&run.id);
        remove_unfinished(dir.root());
        let attempts = dropped(fs::read_dir(dir.attempts()), "attempts were not listed");
        for attempt in attempts.into_iter().flatten().flatten() {
            remove_unfinished(&attempt.path());
        }
        for unfinished in [dir.checkpoints(), dir.trunk()].map(|kept| kept.in_the_making()) {
            let removed = fs::remove_dir_all(unfinished.root());
            dropped(removed, "a checkpoint in the making was not removed");
        }
        if *done {
            drop_checkpoints(&dir);
        }
    }
}

/// Removes the checkpoints of a run that is done: they are of no more use, and what cannot be removed costs only space.
pub(super) fn drop_checkpoints(run: &RunDir) {
    let removed = remove_checkpoints(&run.checkpoints());
    dropped(removed, "checkpoints were not removed");
}
