//! What a drive is told beside the plan, and what the schedule is told of each run.

use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::coordinator::schedule::{Facts, Machine, Policy};
use crate::coordinator::trunks::{Branch, with_followers};
use crate::executor::{Engines, Slot};
use isoflop_core::run::{Outcome, RunId, RunSpec};
use isoflop_sweep::{Plan, PlannedRun};

/// What the coordinator is told beside the plan.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where attempts execute.
    pub engines: Engines,
    /// Whether to end when the engine has taken what it can be given now: the next coordinator follows it.
    pub detach: bool,
    /// Where runs go.
    pub slots: Vec<Slot>,
    /// The same, with the memory of each device.
    pub machine: Machine,
    /// What is started first, and how often it is tried.
    pub policy: Policy,
    /// Silence after which an attempt is stopped as hung.
    pub stall: Duration,
    /// Time that an attempt may take.
    pub time_limit: Option<Duration>,
    /// Seconds between checkpoints of a run.
    pub checkpoint_seconds: f64,
    /// Room on the disk below which no run is started, bytes.
    pub disk_reserve: u64,
    /// Expected seconds of each run of the plan.
    pub costs: Vec<f64>,
    /// Memory that each run of the plan is expected to hold, bytes.
    pub memory: Vec<u64>,
    /// Where each run of the plan goes on from.
    pub branches: Vec<Option<Branch>>,
    /// Hears of each outcome when it is committed.
    pub outcomes: Sender<(RunId, Outcome)>,
}

/// What is fixed of each run of a plan.
pub(super) fn facts(plan: &Plan, options: &Options) -> Vec<Facts> {
    let worth = with_followers(&options.costs, &options.branches);
    let fact = |(i, run): (usize, &PlannedRun)| Facts {
        worth: worth[i],
        memory: options.memory[i],
        after: options.branches[i].map(|branch| branch.from),
        priority: run.priority,
        splits: split_pass(&run.spec).is_some(),
        // The identity is a hash: as good as random, and the same every time.
        jitter: u64::from_str_radix(run.id.as_str(), 16).unwrap_or(i as u64),
    };
    plan.runs.iter().enumerate().map(fact).collect()
}

/// Sequences in a pass of at most half the size; none where a pass is one sequence.
pub(super) fn split_pass(spec: &RunSpec) -> Option<u32> {
    (1..=spec.pass_sequences() / 2)
        .rev()
        .find(|pass| spec.batch_sequences.is_multiple_of(*pass))
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
