//! Detection of budgets in the FLOPs of runs.
//!
//! Runs are sorted by FLOPs, and grouped as long as each is within a factor of [`NEAR`] of the one
//! before. A group is a budget if it spans at most a factor of [`SPAN`] and an architecture has
//! enough sizes in it for an IsoFLOP profile. Without the second condition, a table with runs at
//! every compute would be split into budgets that were never planned. The budget is the geometric
//! mean of its runs' FLOPs. If fewer than half of the runs are in budgets, these are a coincidence,
//! and the table has no budgets.

use super::super::by_key::group_by_key;
use super::super::numbers::distinct;
use super::super::polynomial::FEWEST;
use super::measurement::Measurement;

/// Largest ratio of a run's FLOPs to those of the next cheaper run in its group.
const NEAR: f64 = 1.05;
/// Largest ratio of FLOPs within a group.
const SPAN: f64 = 1.10;

/// Runs grouped by budget.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetGroups {
    /// Budget of each run, FLOPs; its own FLOPs if it is in no group.
    pub budgets: Vec<f64>,
    /// Number of budgets.
    pub groups: usize,
    /// Number of runs outside all budgets.
    pub outside: usize,
}

impl BudgetGroups {
    /// Fewest sizes of an architecture at each budget.
    pub const SIZES: usize = FEWEST;
}

/// Finds the budgets that most runs share. `None` if fewer than half of the runs share one.
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
    let by_arm = group_by_key(group.iter().map(|run| &runs[*run]), |run| run.arm);
    let sizes = |runs: &[&Measurement<'_>]| distinct(runs.iter().map(|run| run.params)).len();
    by_arm.iter().any(|(_, runs)| sizes(runs) >= FEWEST)
}
