//! Budgets of runs whose table has none.
//!
//! Sorted by FLOPs, runs follow one another into a group while each lies within [`NEAR`] of the one before. A group is a
//! budget where it spans at most [`SPAN`] and an architecture has [`SIZES`] sizes in it, which is what an IsoFLOP profile
//! takes: without the second, a table with runs at every compute would be cut where nothing was planned. The budget is the
//! geometric mean of its runs' FLOPs. Where fewer than half the runs lie at budgets they lie there by chance, and every
//! run's budget is what it spent.

use std::collections::{HashMap, HashSet};

use super::Note;
use super::rows::Run;

/// Most that a run's FLOPs may lie above those of the next cheaper one of its group, as a factor.
const NEAR: f64 = 1.05;
/// Most that a group may span, as a factor.
const SPAN: f64 = 1.10;
/// Sizes that a profile takes.
const SIZES: usize = 4;

/// The budget of each run, in their order.
pub(super) fn budgets(runs: &[(Run, u64)], notes: &mut Vec<Note>) -> Vec<f64> {
    if runs.iter().any(|(run, _)| run.budget.is_some()) {
        return runs
            .iter()
            .map(|(run, _)| run.budget.unwrap_or(run.flops))
            .collect();
    }
    let spent: Vec<f64> = runs.iter().map(|(run, _)| run.flops).collect();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|a, b| spent[*a].total_cmp(&spent[*b]));
    let groups: Vec<&[usize]> = order
        .chunk_by(|a, b| spent[*b] <= spent[*a] * NEAR)
        .filter(|group| is_budget(runs, group))
        .collect();
    let grouped: usize = groups.iter().map(|group| group.len()).sum();
    if grouped < runs.len() - grouped || groups.is_empty() {
        return spent;
    }
    let mut budgets = spent.clone();
    for group in &groups {
        let mean =
            (group.iter().map(|run| spent[*run].ln()).sum::<f64>() / group.len() as f64).exp();
        group.iter().for_each(|run| budgets[*run] = mean);
    }
    let others = match runs.len() - grouped {
        0 => String::new(),
        others => format!("; {others} others lie at none"),
    };
    notes.push(Note::Remark(format!(
        "no column has budgets: FLOPs show {}, each of at least {SIZES} sizes within 5% of the next and 10% in all{others}",
        groups.len()
    )));
    budgets
}

fn is_budget(runs: &[(Run, u64)], group: &[usize]) -> bool {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return false;
    };
    if runs[*last].0.flops > runs[*first].0.flops * SPAN {
        return false;
    }
    let mut sizes: HashMap<&str, HashSet<u64>> = HashMap::new();
    for (run, _) in group.iter().map(|run| &runs[*run]) {
        sizes
            .entry(&run.arm)
            .or_default()
            .insert(run.params.to_bits());
    }
    sizes.values().any(|sizes| sizes.len() >= SIZES)
}
