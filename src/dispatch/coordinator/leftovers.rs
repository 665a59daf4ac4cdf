//! What a coordinator or a trainer left half-written when it died.

use std::fs;

use isoflop_core::run::{SweepDir, remove_checkpoints, remove_unfinished};
use isoflop_sweep::Plan;

/// Removes files in the making, and the checkpoints of runs that are `done`. What cannot be removed costs only space.
pub(super) fn sweep_leftovers(sweep: &SweepDir, plan: &Plan, done: &[bool]) {
    remove_unfinished(sweep.root());
    remove_unfinished(&sweep.data());
    let Ok(folders) = fs::read_dir(sweep.runs()) else {
        return;
    };
    let folders: std::collections::HashSet<_> =
        folders.flatten().map(|entry| entry.file_name()).collect();
    for (run, done) in plan.runs.iter().zip(done) {
        if !folders.contains(std::ffi::OsStr::new(run.id.as_str())) {
            continue;
        }
        let dir = sweep.run(&run.id);
        remove_unfinished(dir.root());
        for attempt in fs::read_dir(dir.attempts()).into_iter().flatten().flatten() {
            remove_unfinished(&attempt.path());
        }
        let _ = fs::remove_dir_all(dir.checkpoints().in_the_making().root());
        let _ = fs::remove_dir_all(dir.trunk().in_the_making().root());
        if *done {
            let _ = remove_checkpoints(&dir.checkpoints());
        }
    }
}
