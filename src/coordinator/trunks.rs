//! Which runs go on from which: with a schedule whose start does not depend on the budget, the runs of one arm, size,
//! seed and rate share a trunk, and each trains only what the next smaller budget's has not done.

use std::collections::HashMap;

use super::schedule::RunIndex;
use crate::run::{RunId, RunSpec};
use crate::sweep::Plan;
use crate::units::{Flops, Tokens};

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
            trunks.entry(trunk.id).or_default().push((trunk.steps, index));
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
    runs.filter_map(|(run, branch)| Some(branch.as_ref()?.flops(&run.spec))).sum()
}

/// What finishing a run is worth to the slots: its own seconds and those of the longest chain of runs that go on from it.
pub(super) fn with_followers(seconds: &[f64], branches: &[Option<Branch>]) -> Vec<f64> {
    let mut worth = seconds.to_vec();
    // A chain is as long as its runs are many: each pass carries a sum one run further, and most plans need few.
    for _ in 0..branches.len() {
        let mut changed = false;
        for (run, branch) in branches.iter().enumerate() {
            let Some(Branch { from, .. }) = branch else { continue };
            let least = seconds[*from] + worth[run];
            if worth[*from] < least {
                worth[*from] = least;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    worth
}
