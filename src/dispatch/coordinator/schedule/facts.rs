//! Facts that decisions depend on and do not change.

use isoflop_sweep::RunOrder;

/// Index of a run in the plan.
pub type RunIndex = usize;
/// Index of a slot in the executor's list.
pub type SlotIndex = usize;

/// Milliseconds since the coordinator started. Changes of the system's clock do not affect it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MonotonicTime(pub(crate) u64);

/// An attempt at a run. Events about any but the run's current attempt change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttemptId {
    /// The run.
    pub(crate) run: RunIndex,
    /// The attempt, from 1.
    pub(crate) attempt: u32,
}

/// Facts about a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunFacts {
    /// Estimated seconds of the run and of the longest chain of runs that wait for it.
    pub(crate) worth: f64,
    /// Estimated memory, bytes.
    pub(crate) memory: u64,
    /// The run that must end before this one starts, with or without an outcome.
    pub(crate) after: Option<RunIndex>,
    /// Larger goes first.
    pub(crate) priority: u64,
    /// True if its passes can be split, to need less memory.
    pub(crate) splits: bool,
    /// Any number specific to the run: it spreads retries.
    pub(crate) jitter: u64,
}

/// The slots, and the memory of their devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotCapacity {
    /// The device of each slot.
    pub slots: Vec<usize>,
    /// Memory for runs on each device, bytes.
    pub memory: Vec<u64>,
}

impl SlotCapacity {
    /// The most memory of a device that has slots, bytes.
    pub(super) fn most_memory(&self) -> u64 {
        let memory = self.slots.iter().map(|device| self.memory[*device]);
        memory.max().unwrap_or(0)
    }
}

/// Choices of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedulePolicy {
    /// The order in which runs start.
    pub order: RunOrder,
    /// Crashes after which a run is quarantined.
    pub max_crashes: u32,
    /// Runs to start before the coordinator stops; `None` for all.
    pub max_runs: Option<usize>,
    /// Milliseconds before the second attempt; doubled for each one after.
    pub retry_after: u64,
}

impl SchedulePolicy {
    /// Longest wait between attempts, milliseconds.
    const LONGEST: u64 = 300_000;

    /// Milliseconds between the `n`-th failed attempt and the next: doubled each time, times a
    /// factor in [0.5, 1.5).
    pub(super) fn back_off(&self, n: u32, jitter: u64) -> u64 {
        let doubled = self
            .retry_after
            .saturating_mul(1 << n.saturating_sub(1).min(30))
            .min(Self::LONGEST);
        // Knuth's multiplicative hash: it maps neighbours in (run, n) to distant values.
        let hash = (jitter ^ u64::from(n)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        doubled / 2 + doubled * (hash & 0xFFFF) / 0x1_0000
    }
}

/// Ranks of the runs in the order in which they start: by priority, then by `order`.
///
/// A run that others wait for inherits their priority.
pub(super) fn ranks(facts: &[RunFacts], order: RunOrder) -> Vec<usize> {
    let mut priority: Vec<u64> = facts.iter().map(|facts| facts.priority).collect();
    for last in 0..facts.len() {
        let mut run = last;
        while let Some(before) = facts[run].after {
            if priority[before] >= priority[run] {
                break;
            }
            priority[before] = priority[run];
            run = before;
        }
    }
    let mut sorted: Vec<RunIndex> = (0..facts.len()).collect();
    // A stable sort: equal runs start in the plan's order.
    sorted.sort_by(|a, b| {
        let dearer = || facts[*b].worth.total_cmp(&facts[*a].worth);
        priority[*b].cmp(&priority[*a]).then_with(|| match order {
            RunOrder::LongestFirst => dearer(),
            RunOrder::CheapestFirst => dearer().reverse(),
            RunOrder::AsListed => std::cmp::Ordering::Equal,
        })
    });
    let mut ranks = vec![0; facts.len()];
    for (rank, run) in sorted.into_iter().enumerate() {
        ranks[run] = rank;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(worth: f64, priority: u64, after: Option<RunIndex>) -> RunFacts {
        RunFacts {
            worth,
            memory: 1,
            after,
            priority,
            splits: true,
            jitter: 0,
        }
    }

    #[test]
    fn order_and_priority() {
        let runs = [
            facts(1.0, 0, None),
            facts(3.0, 0, None),
            facts(2.0, 0, None),
            facts(1.0, 0, None),
        ];
        assert_eq!(ranks(&runs, RunOrder::LongestFirst), [2, 0, 1, 3]);
        assert_eq!(ranks(&runs, RunOrder::CheapestFirst), [0, 3, 2, 1]);
        assert_eq!(ranks(&runs, RunOrder::AsListed), [0, 1, 2, 3]);
        // A run inherits the priority of the run that waits for it.
        let chain = [
            facts(1.0, 0, None),
            facts(9.0, 0, None),
            facts(1.0, 0, Some(0)),
            facts(1.0, 5, Some(2)),
        ];
        assert_eq!(ranks(&chain, RunOrder::LongestFirst), [0, 3, 1, 2]);
    }

    #[test]
    fn retries_wait_longer_each_time_and_apart() {
        let policy = SchedulePolicy {
            order: RunOrder::AsListed,
            max_crashes: 5,
            max_runs: None,
            retry_after: 1000,
        };
        for n in 1..100 {
            let middle = (1000u64 << (n - 1).min(20)).min(300_000);
            for jitter in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
                let wait = policy.back_off(n, jitter);
                assert!(
                    (middle / 2..middle * 3 / 2).contains(&wait),
                    "{n} {jitter} {wait}"
                );
            }
        }
        assert_ne!(policy.back_off(1, 1), policy.back_off(1, 2));
    }
}
