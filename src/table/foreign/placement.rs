//! What a fit needs to know of a run beside its numbers: budget, size and factor on the learning rate. Of the table where it has
//! them, else as the runs show them.

use std::collections::BTreeMap;

use isoflop_core::run::Budget;
use isoflop_fit::findings::{
    BudgetGroups, Measurement, budget_groups, several_learning_rates, size_ranks,
};

use super::Note;
use super::find::Found;
use super::roles::Role;
use super::rows::Run;

/// What the others say of a run.
pub(super) struct Placement {
    pub(super) budget: Budget,
    pub(super) size: String,
    pub(super) lr_factor: f64,
}

/// The placement of each run, in their order.
pub(super) fn placements(found: &Found, runs: &[&Run], notes: &mut Vec<Note>) -> Vec<Placement> {
    let measured: Vec<Measurement<'_>> = runs.iter().map(|run| run.measurement()).collect();
    let budgets = budgets(runs, &measured, notes);
    let sizes = sizes(runs, &measured, &budgets, notes);
    let lr_factors = lr_factors(found, runs, &budgets, &sizes, notes);
    let placed = budgets.into_iter().zip(sizes).zip(lr_factors);
    placed
        .map(|((budget, size), lr_factor)| Placement {
            budget,
            size,
            lr_factor,
        })
        .collect()
}

fn budgets(runs: &[&Run], measured: &[Measurement<'_>], notes: &mut Vec<Note>) -> Vec<Budget> {
    let is_given = runs.iter().any(|run| run.budget.is_some());
    let Some(found) = (!is_given).then(|| budget_groups(measured)).flatten() else {
        let given = |run: &&Run| run.budget.unwrap_or(Budget::Flops(run.flops));
        return runs.iter().map(given).collect();
    };
    let others = match found.outside {
        0 => String::new(),
        others => format!("; {others} others lie at none"),
    };
    notes.push(Note::Remark(format!(
        "no column has budgets: FLOPs show {}, each of at least {} sizes within 5% of the next and 10% in all{others}",
        found.groups,
        BudgetGroups::SIZES
    )));
    found.budgets.into_iter().map(Budget::Flops).collect()
}

/// Names of sizes. Where the table has none, equal N is an equal size, or an equal rank where that can mean one thing only.
fn sizes(
    runs: &[&Run],
    measured: &[Measurement<'_>],
    budgets: &[Budget],
    notes: &mut Vec<Note>,
) -> Vec<String> {
    let mut cells: BTreeMap<Budget, Vec<usize>> = BTreeMap::new();
    for (place, budget) in budgets.iter().enumerate() {
        cells.entry(*budget).or_default().push(place);
    }
    let named = |run: &&Run| run.size.clone().unwrap_or_else(|| run.params.to_string());
    let mut sizes: Vec<String> = runs.iter().map(named).collect();
    let mut paired = 0;
    for members in cells.values() {
        if members.iter().any(|place| runs[*place].size.is_some()) {
            continue;
        }
        let cell: Vec<Measurement<'_>> = members.iter().map(|place| measured[*place]).collect();
        let Some(ranks) = size_ranks(&cell) else {
            continue;
        };
        paired += 1;
        for (place, rank) in members.iter().zip(ranks) {
            sizes[*place] = format!("rung {}", rank + 1);
        }
    }
    if paired > 0 {
        notes.push(Note::Remark(format!(
            "architectures have other N than each other at {paired} of the budgets: their sizes are paired by rank; a column \
             `size` would say which belong together"
        )));
    }
    sizes
}

/// The factors of the table. Where no column has any, and runs of one architecture, size and budget differ in their learning
/// rates, these are the factors: what tuning needs of them is that they differ.
fn lr_factors(
    found: &Found,
    runs: &[&Run],
    budgets: &[Budget],
    sizes: &[String],
    notes: &mut Vec<Note>,
) -> Vec<f64> {
    let rates: Vec<Option<f64>> = runs
        .iter()
        .zip(budgets)
        .map(|(run, budget)| run.further.learning_rate.filter(|_| budget.is_flops()))
        .collect();
    let of_cells = runs.iter().zip(budgets).zip(sizes).zip(&rates);
    let of_cells = of_cells
        .filter_map(|(((run, budget), size), rate)| Some(((&run.arm, budget, size), (*rate)?)));
    if found.column(Role::LrFactor).is_some() || !several_learning_rates(of_cells) {
        return runs
            .iter()
            .map(|run| run.lr_factor.unwrap_or(1.0))
            .collect();
    }
    notes.push(Note::Remark(
        "runs of one architecture, size and budget have several learning rates: fits take the best of each".to_owned(),
    ));
    rates.into_iter().map(|rate| rate.unwrap_or(1.0)).collect()
}
