//! Trunks: the steps that runs of a plan share.
//!
//! If the start of the learning-rate schedule does not depend on the budget, the runs of one arm,
//! size, seed and rate share a trunk. Each then trains only the steps that the next smaller
//! budget's run has not done.

use std::collections::HashMap;

use super::schedule::RunIndex;
use isoflop_core::run::{RunId, RunSpec};
use isoflop_core::units::{Flops, Tokens};
use isoflop_sweep::Plan;

/// The trunk that a run continues from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrunkBranch {
    /// The run that leaves the trunk.
    pub from: RunIndex,
    /// Steps of the trunk, which are not trained again.
    pub steps: u64,
}

impl TrunkBranch {
    /// FLOPs that the trunk saves.
    pub fn flops(self, spec: &RunSpec) -> Flops {
        spec.flops_per_token() * Tokens(self.steps * spec.batch_tokens().0)
    }
}

/// Finds the trunk that each run of a plan continues from; `None` for a run that shares no steps.
///
/// A trunk changes the cost of a run and no bit of its result. If the trunk is missing, its steps
/// are trained again.
pub fn branches(plan: &Plan) -> Vec<Option<TrunkBranch>> {
    let mut trunks: HashMap<RunId, Vec<(u64, RunIndex)>> = HashMap::new();
    for (index, run) in plan.runs.iter().enumerate() {
        if let Some(trunk) = run.spec.trunk() {
            trunks
                .entry(trunk.id)
                .or_default()
                .push((trunk.steps, index));
        }
    }
    let mut branches = vec![None; plan.runs.len()];
    for mut members in trunks.into_values() {
        members.sort_unstable();
        for pair in members.windows(2) {
            let ((steps, from), (_, run)) = (pair[0], pair[1]);
            // A run with the same number of steps has nothing left to continue with.
            if steps < plan.runs[run].spec.steps {
                branches[run] = Some(TrunkBranch { from, steps });
            }
        }
    }
    branches
}

/// FLOPs that a plan saves by training shared steps once.
pub fn flops_saved(plan: &Plan, branches: &[Option<TrunkBranch>]) -> Flops {
    let runs = plan.runs.iter().zip(branches);
    runs.filter_map(|(run, branch)| Some(branch.as_ref()?.flops(&run.spec)))
        .sum()
}

/// Critical path of each run: its own seconds and those of the longest chain of runs that continue
/// from it.
pub(super) fn with_followers(seconds: &[f64], branches: &[Option<TrunkBranch>]) -> Vec<f64> {
    let mut worth = seconds.to_vec();
    for last in 0..seconds.len() {
        let (mut run, mut chain) = (last, seconds[last]);
        while let Some(TrunkBranch { from, .. }) = branches[run] {
            chain += seconds[from];
            worth[from] = worth[from].max(chain);
            run = from;
        }
    }
    worth
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use isoflop_core::run::{DataSpec, Tokenizer};
    use isoflop_sweep::{Corpora, load};

    fn planned(budgets: &str, train: &str) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.yaml");
        let text = format!(
            "data: {{ text: t }}\narchitectures: [transformer, primer_ez]\nsizes: [d12-l2]\nseeds: [1, 2]\nbudgets: {budgets}\n\
             train: {{ sequence_length: 32, batch_tokens: 128, {train} }}\n"
        );
        std::fs::write(&path, text).unwrap();
        let spec = DataSpec {
            tokenizer: Tokenizer::Bytes,
            train_digest: "a".into(),
            validation_digest: "b".into(),
        };
        let much = Corpora {
            spec,
            train_tokens: 1 << 40,
            validation_tokens: 1 << 30,
        };
        let file = load(&path).unwrap();
        file.checked(&path).unwrap().expand(&much).unwrap()
    }

    const WSD: &str = "learning_rate: { fixed: 1e-2 }, schedule: { wsd: { warmup_steps: 4, decay: 0.25, floor: 0 } }";

    /// Each budget continues from the next smaller one of its arm and seed, in any order in the
    /// file.
    #[test]
    fn budgets_make_a_chain() {
        let plan = planned("{ tokens: [12_800, 51_200, 25_600] }", WSD);
        let branches = branches(&plan);
        for (run, branch) in plan.runs.iter().zip(&branches) {
            let from = branch.map(|branch| &plan.runs[branch.from]);
            if let Some(from) = from {
                assert_eq!((&from.arm, from.spec.seed), (&run.arm, run.spec.seed));
                assert_eq!(from.spec.steps * 2, run.spec.steps);
                assert_eq!(branch.unwrap().steps, from.spec.steps - from.spec.steps / 4);
            }
            assert_eq!(from.is_none(), run.spec.steps == 100);
        }
        let steps = 4 * (75 + 150);
        assert_eq!(
            flops_saved(&plan, &branches).0,
            plan.runs
                .iter()
                .zip(&branches)
                .filter_map(|(run, b)| Some(b.as_ref()?.flops(&run.spec).0))
                .sum::<f64>()
        );
        assert_eq!(
            branches
                .iter()
                .flatten()
                .map(|branch| branch.steps)
                .sum::<u64>(),
            steps
        );
    }

    #[test]
    fn what_depends_on_the_budget_is_not_shared() {
        let budgets = "{ tokens: [12_800, 25_600] }";
        for train in [
            "learning_rate: { fixed: 1e-2 }",
            "learning_rate: step_law, schedule: { wsd: { warmup_steps: 4, decay: 0.25, floor: 0 } }",
        ] {
            assert!(
                branches(&planned(budgets, train))
                    .iter()
                    .all(Option::is_none),
                "{train}"
            );
        }
        let rsqrt = "learning_rate: { fixed: 1e-2 }, schedule: { rsqrt: { constant_steps: 10 } }";
        assert_eq!(
            branches(&planned(budgets, rsqrt)).iter().flatten().count(),
            4
        );
        // Two budgets that round to the same number of steps.
        assert!(
            branches(&planned("{ tokens: [12_800, 12_801] }", rsqrt))
                .iter()
                .all(Option::is_none)
        );
    }

    proptest! {
        /// The critical path of a run is its own cost plus the longest chain behind it.
        #[test]
        fn chains_add_up(seconds in proptest::collection::vec(0.1..10.0f64, 1..20), after in proptest::collection::vec(any::<prop::sample::Index>(), 20)) {
            // Run i follows an earlier one, or none.
            let branch = |i: usize| (i > 0).then(|| after[i].index(i + 1)).filter(|from| *from < i);
            let branches: Vec<_> = (0..seconds.len()).map(|i| branch(i).map(|from| TrunkBranch { from, steps: 1 })).collect();
            let worth = with_followers(&seconds, &branches);
            for run in 0..seconds.len() {
                let behind = (0..seconds.len()).filter(|i| branches[*i].is_some_and(|b| b.from == run));
                let longest = behind.map(|i| worth[i]).fold(0.0, f64::max);
                prop_assert!((worth[run] - seconds[run] - longest).abs() < 1e-9);
            }
        }
    }
}
