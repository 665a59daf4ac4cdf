//! Launch files of attempts.

use std::fs;
use std::path::PathBuf;

use super::Driver;
use crate::coordinator::drive::options::split_pass;
use crate::coordinator::schedule::{AttemptId, RunIndex, ScheduleState, SlotIndex};
use isoflop_core::run::{AttemptDir, Launch, WriteError, unwritable, write_json_unsynced};

impl Driver<'_> {
    /// Builds the launch file of an attempt, with its fencing token.
    pub(super) fn launch(
        &self,
        claim: AttemptId,
        slot: SlotIndex,
        fence: String,
        state: &ScheduleState,
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
            // Split passes round differently: runs that continue from this trunk would get other
            // bits. Keep the trunk only if the passes are those of the spec.
            keep_trunk: Self::is_awaited(claim.run, state) && !split,
            memory_bytes_estimate: Some(self.options.memory[claim.run]),
            split_for_memory: split.then(|| split_pass(&planned.spec)).flatten(),
            spec: planned.spec.clone(),
        }
    }

    /// The folder of the nearest earlier run of the chain that has left its trunk.
    fn trunk_for(&self, run: RunIndex) -> Option<PathBuf> {
        let before = |run: &RunIndex| Some(self.options.branches[*run]?.from);
        std::iter::successors(before(&run), before)
            .map(|run| self.sweep.run(&self.plan.runs[run].id))
            .find(|dir| dir.trunk().root().is_dir())
            .map(|dir| dir.root().to_owned())
    }

    /// Writes the spec and the launch file of an attempt.
    ///
    /// They are not synced: if the machine crashes, the attempt is lost as well.
    pub(super) fn write_attempt(
        &self,
        attempt: &AttemptDir,
        launch: &Launch,
    ) -> Result<(), WriteError> {
        let spec = self.sweep.run(&launch.run).spec();
        fs::create_dir_all(attempt.root()).map_err(unwritable(attempt.root()))?;
        if !spec.is_file() {
            write_json_unsynced(&spec, &launch.spec).map_err(unwritable(&spec))?;
        }
        let path = attempt.launch();
        write_json_unsynced(&path, launch).map_err(unwritable(&path))
    }
}
