//! Budgets that FLOPs show.
//!
//! Sorted by FLOPs, runs follow one another into a group while each lies within [`NEAR`] of the one before. A group is a
//! budget where it spans at most [`SPAN`] and an architecture has the sizes of an IsoFLOP profile in it: without the second,
//! a table with runs at every compute would be cut where nothing was planned. The budget is the geometric mean of its runs'
//! FLOPs. Where fewer than half the runs lie at budgets they lie there by chance, and every run's budget is what it spent.

use super::super::by_key::by_key;
use super::super::numbers::distinct;
use super::super::polynomial::FEWEST;
use super::measurement::Measurement;

/// Most that a run's FLOPs may lie above those of the next cheaper one of its group, as a factor.
const NEAR: f64 = 1.05;
/// Most that a group may span, as a factor.
const SPAN: f64 = 1.10;

/// Runs that lie at common budgets.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetGroups {
    /// The budget of each run, FLOPs: what it spent where it lies at none.
    pub budgets: Vec<f64>,
    /// How many budgets there are.
    pub groups: usize,
    /// How many runs lie at none.
    pub outside: usize,
}

impl BudgetGroups {
    /// Sizes that an architecture has at each budget, at least.
    pub const SIZES: usize = FEWEST;
}

/// Finds the budgets that most runs lie at.
pub fn budget_groups(runs: &[Measurement<'_>]) -> Option<BudgetGroups> {
    let mut budgets: Vec<f64> = runs.iter().map(|run| run.flops).collect();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|a, b| budgets[*a].total_cmp(&budgets[*b]));
    let groups: Vec<&[usize]> = order
        .chunk_by(|a, b| budgets[*b] <= budgets[*a] * NEAR)
        .filter(|group| is_budget(runs, group))
        .collect();
    let grouped: usize = groups.iter().map(|group| group.len()).sum();
    let outside = runs.len() - grouped;
    if grouped < outside || groups.is_empty() {
        return None;
    }
    for group in &groups {
        let logs: f64 = group.iter().map(|run| budgets[*run].ln()).sum();
        let mean = (logs / group.len() as f64).exp();
        group.iter().for_each(|run| budgets[*run] = mean);
    }
    Some(BudgetGroups {
        budgets,
        groups: groups.len(),
        outside,
    })
}

fn is_budget(runs: &[Measurement<'_>], group: &[usize]) -> bool {
    let [first, .., last] = group else {
        return false;
    };
    if runs[*last].flops > runs[*first].flops * SPAN {
        return false;
    }
    let by_arm = by_key(group.iter().map(|run| &runs[*run]), |run| run.arm);
    let sizes = |runs: &[&Measurement<'_>]| distinct(runs.iter().map(|run| run.params)).len();
    by_arm.iter().any(|(_, runs)| sizes(runs) >= FEWEST)
}
