//! Which runs go on from which: with a schedule whose start does not depend on the budget, the runs of one arm, size,
//! seed and rate share a trunk, and each trains only what the next smaller budget's has not done.

use std::collections::HashMap;

use super::schedule::RunIndex;
use isoflop_core::run::{RunId, RunSpec};
use isoflop_core::units::{Flops, Tokens};
use isoflop_sweep::Plan;

/// Where a run goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The run whose trunk is taken up.
    pub from: RunIndex,
    /// Steps of it that are not trained again.
    pub steps: u64,
}

impl Branch {
    /// FLOPs that are not spent again.
    pub fn flops(self, spec: &RunSpec) -> Flops {
        spec.flops_per_token() * Tokens(self.steps * spec.batch_tokens().0)
    }
}

/// For each run of a plan, where it goes on from; nowhere where it shares nothing.
///
/// That a run goes on from another changes its cost and no bit of its result: where the trunk is missing, it is trained again.
pub fn branches(plan: &Plan) -> Vec<Option<Branch>> {
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
            // A run whose budget comes to the same steps has nothing to go on with.
            if steps < plan.runs[run].spec.steps {
                branches[run] = Some(Branch { from, steps });
            }
        }
    }
    branches
}

/// FLOPs that a plan saves by training what its runs share once.
pub fn flops_saved(plan: &Plan, branches: &[Option<Branch>]) -> Flops {
    let runs = plan.runs.iter().zip(branches);
    runs.filter_map(|(run, branch)| Some(branch.as_ref()?.flops(&run.spec)))
        .sum()
}

/// What finishing a run is worth to the slots: its own seconds and those of the longest chain of runs that go on from it.
pub(super) fn with_followers(seconds: &[f64], branches: &[Option<Branch>]) -> Vec<f64> {
    let mut worth = seconds.to_vec();
    for last in 0..seconds.len() {
        let (mut run, mut chain) = (last, seconds[last]);
        while let Some(Branch { from, .. }) = branches[run] {
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

    /// Each budget goes on from the next smaller one of its arm and seed, whatever their order in the file.
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
        // Two budgets that come to the same steps.
        assert!(
            branches(&planned("{ tokens: [12_800, 12_801] }", rsqrt))
                .iter()
                .all(Option::is_none)
        );
    }

    proptest! {
        /// A run is worth itself and the longest chain behind it.
        #[test]
        fn chains_add_up(seconds in proptest::collection::vec(0.1..10.0f64, 1..20), after in proptest::collection::vec(any::<prop::sample::Index>(), 20)) {
            // Run i follows one before it, or none.
            let branch = |i: usize| (i > 0).then(|| after[i].index(i + 1)).filter(|from| *from < i);
            let branches: Vec<_> = (0..seconds.len()).map(|i| branch(i).map(|from| Branch { from, steps: 1 })).collect();
            let worth = with_followers(&seconds, &branches);
            for run in 0..seconds.len() {
                let behind = (0..seconds.len()).filter(|i| branches[*i].is_some_and(|b| b.from == run));
                let longest = behind.map(|i| worth[i]).fold(0.0, f64::max);
                prop_assert!((worth[run] - seconds[run] - longest).abs() < 1e-9);
            }
        }
    }
}
