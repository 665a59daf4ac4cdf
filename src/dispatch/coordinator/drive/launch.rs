//! What an attempt is given.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::options::Options;
use crate::coordinator::schedule::{Claim, SlotIndex};
use crate::store::{Failure, FailureClass};
use isoflop_core::run::{AttemptDir, Launch, RunSpec, SweepDir, replace_json};
use isoflop_sweep::{Plan, PlannedRun};

/// An attempt that is about to start.
pub(super) struct Starting {
    pub(super) claim: Claim,
    pub(super) slot: SlotIndex,
    /// Its fencing token.
    pub(super) fence: String,
    /// Whether its passes are split.
    pub(super) split: bool,
    /// Whether another run goes on from its trunk.
    pub(super) keep_trunk: bool,
}

/// The launch file of an attempt.
pub(super) fn launch(
    sweep: &SweepDir,
    plan: &Plan,
    options: &Options,
    starting: &Starting,
) -> Launch {
    let (run, planned) = (starting.claim.run, &plan.runs[starting.claim.run]);
    let place = options.slots[starting.slot];
    Launch {
        run: planned.id.clone(),
        attempt: starting.claim.attempt,
        fence: starting.fence.clone(),
        parent_pid: if options.engines.has_a_queue(place) {
            None
        } else {
            Some(std::process::id())
        },
        train: sweep.tokens(&planned.spec.data.train_digest),
        validation: sweep.tokens(&planned.spec.data.validation_digest),
        device: place.device,
        threads: place.threads,
        run_folder: sweep.run(&planned.id).root().to_owned(),
        checkpoint_seconds: options.checkpoint_seconds,
        take_trunk: trunk_for(sweep, plan, options, run),
        // Others that go on from it would have its last bits: a trunk is kept as the spec makes it.
        keep_trunk: starting.keep_trunk && !starting.split,
        memory_bytes_estimate: Some(options.memory[run]),
        split_for_memory: if starting.split {
            split_pass(&planned.spec)
        } else {
            None
        },
        spec: planned.spec.clone(),
    }
}

/// The folder of the nearest run before this one that has left its trunk.
fn trunk_for(sweep: &SweepDir, plan: &Plan, options: &Options, run: usize) -> Option<PathBuf> {
    let before = |run: &usize| Some(options.branches[*run]?.from);
    let mut earlier =
        std::iter::successors(before(&run), before).map(|run| sweep.run(&plan.runs[run].id));
    Some(
        earlier
            .find(|dir| dir.trunk().root().is_dir())?
            .root()
            .to_owned(),
    )
}

/// Sequences in a pass of at most half the size; none where a pass is one sequence.
pub(super) fn split_pass(spec: &RunSpec) -> Option<u32> {
    (1..=spec.pass_sequences() / 2)
        .rev()
        .find(|pass| spec.batch_sequences.is_multiple_of(*pass))
}

/// Writes what an attempt is given. Not synced: where it is lost with the machine, so is the attempt.
pub(super) fn write_attempt(
    sweep: &SweepDir,
    planned: &PlannedRun,
    attempt: &AttemptDir,
    launch: &Launch,
) -> Result<(), Failure> {
    let spec = sweep.run(&planned.id).spec();
    fs::create_dir_all(attempt.root()).map_err(|e| cannot_write(attempt.root(), &e))?;
    if !spec.is_file() {
        replace_json(&spec, &planned.spec).map_err(|e| cannot_write(&spec, &e))?;
    }
    replace_json(&attempt.launch(), launch).map_err(|e| cannot_write(&attempt.launch(), &e))
}

/// Every run writes to the same place: a failure to write stops the sweep.
fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        FailureClass::Unwritable,
        format!("cannot write `{}`: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::run::example;

    #[test]
    fn a_pass_is_split_into_parts_that_make_the_batch() {
        let split = |batch, micro| {
            split_pass(&RunSpec {
                batch_sequences: batch,
                micro_batch_sequences: micro,
                ..example()
            })
        };
        assert_eq!(split(8, None), Some(4));
        assert_eq!(split(12, Some(6)), Some(3));
        assert_eq!(split(9, None), Some(3));
        assert_eq!(split(7, None), Some(1));
        assert_eq!(split(8, Some(1)), None);
        assert_eq!(split(1, None), None);
    }
}
