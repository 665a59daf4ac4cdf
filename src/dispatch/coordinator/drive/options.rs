//! Options of a drive, and the facts about each run that the schedule needs.

use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::coordinator::schedule::{RunFacts, SchedulePolicy, SlotCapacity};
use crate::coordinator::trunks::{TrunkBranch, with_followers};
use crate::executor::{Engines, Slot};
use isoflop_core::run::{Outcome, RunId, RunSpec};
use isoflop_sweep::{Plan, PlannedRun};

/// Options of a drive, in addition to the plan.
#[derive(Clone, Debug)]
pub struct DriveOptions {
    /// The engines that execute attempts.
    pub engines: Engines,
    /// True to exit once the engine has accepted every attempt that it can get now. The next
    /// coordinator follows them.
    pub detach: bool,
    /// The slots for runs.
    pub slots: Vec<Slot>,
    /// The device of each slot, and the memory of each device.
    pub machine: SlotCapacity,
    /// Order of the runs, and number of retries.
    pub policy: SchedulePolicy,
    /// Silence after which an attempt is stopped as stalled.
    pub stall: Duration,
    /// Time limit of an attempt.
    pub time_limit: Option<Duration>,
    /// Seconds between checkpoints of a run.
    pub checkpoint_seconds: f64,
    /// Disk space below which no run is started, bytes.
    pub disk_reserve: u64,
    /// Estimated seconds of each run of the plan.
    pub costs: Vec<f64>,
    /// Estimated memory of each run of the plan, bytes.
    pub memory: Vec<u64>,
    /// The trunk that each run of the plan continues from.
    pub branches: Vec<Option<TrunkBranch>>,
    /// Receives each outcome when it is committed.
    pub outcomes: Sender<(RunId, Outcome)>,
}

/// Collects the facts about each run of a plan.
pub(super) fn facts(plan: &Plan, options: &DriveOptions) -> Vec<RunFacts> {
    let worth = with_followers(&options.costs, &options.branches);
    let fact = |(i, run): (usize, &PlannedRun)| RunFacts {
        worth: worth[i],
        memory: options.memory[i],
        after: options.branches[i].map(|branch| branch.from),
        priority: run.priority,
        splits: split_pass(&run.spec).is_some(),
        // The identity is a hash: uniformly distributed, and the same in every session.
        jitter: u64::from_str_radix(run.id.as_str(), 16).unwrap_or(i as u64),
    };
    plan.runs.iter().enumerate().map(fact).collect()
}

/// Sequences in a pass of at most half the size; `None` if a pass is one sequence.
pub(super) fn split_pass(spec: &RunSpec) -> Option<u32> {
    (1..=spec.pass_sequences() / 2)
        .rev()
        .find(|pass| spec.batch_sequences.is_multiple_of(*pass))
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::run::example_spec;

    #[test]
    fn a_pass_is_split_into_parts_that_make_the_batch() {
        let split = |batch, micro| {
            split_pass(&RunSpec {
                batch_sequences: batch,
                micro_batch_sequences: micro,
                ..example_spec()
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
