//! What an attempt is given.

use std::fs;
use std::path::PathBuf;

use super::Driver;
use crate::coordinator::drive::options::split_pass;
use crate::coordinator::schedule::{Claim, RunIndex, SlotIndex, State};
use isoflop_core::run::{AttemptDir, Launch, Unwritable, replace_json, unwritable};

impl Driver<'_> {
    /// The launch file of an attempt that is about to start, with its fencing token.
    pub(super) fn launch(
        &self,
        claim: Claim,
        slot: SlotIndex,
        fence: String,
        state: &State,
    ) -> Launch {
        let (planned, place) = (&self.plan.runs[claim.run], self.options.slots[slot]);
        let split = state.record(claim.run).split;
        let has_a_queue = self.options.engines.has_a_queue(place);
        Launch {
            run: planned.id.clone(),
            attempt: claim.attempt,
            fence,
            parent_pid: (!has_a_queue).then(std::process::id),
            train: self.sweep.tokens(&planned.spec.data.train_digest),
            validation: self.sweep.tokens(&planned.spec.data.validation_digest),
            device: place.device,
            threads: place.threads,
            run_folder: self.sweep.run(&planned.id).root().to_owned(),
            checkpoint_seconds: self.options.checkpoint_seconds,
            take_trunk: self.trunk_for(claim.run),
            // Others that go on from it would have its last bits: a trunk is kept as the spec makes it.
            keep_trunk: Self::is_awaited(claim.run, state) && !split,
            memory_bytes_estimate: Some(self.options.memory[claim.run]),
            split_for_memory: split.then(|| split_pass(&planned.spec)).flatten(),
            spec: planned.spec.clone(),
        }
    }

    /// The folder of the nearest run before this one that has left its trunk.
    fn trunk_for(&self, run: RunIndex) -> Option<PathBuf> {
        let before = |run: &RunIndex| Some(self.options.branches[*run]?.from);
        std::iter::successors(before(&run), before)
            .map(|run| self.sweep.run(&self.plan.runs[run].id))
            .find(|dir| dir.trunk().root().is_dir())
            .map(|dir| dir.root().to_owned())
    }

    /// Writes what an attempt is given. Not synced: where it is lost with the machine, so is the attempt.
    pub(super) fn write_attempt(
        &self,
        attempt: &AttemptDir,
        launch: &Launch,
    ) -> Result<(), Unwritable> {
        let spec = self.sweep.run(&launch.run).spec();
        fs::create_dir_all(attempt.root()).map_err(unwritable(attempt.root()))?;
        if !spec.is_file() {
            replace_json(&spec, &launch.spec).map_err(unwritable(&spec))?;
        }
        let path = attempt.launch();
        replace_json(&path, launch).map_err(unwritable(&path))
    }
}
