//! Budget, size and learning-rate factor of each run: from the table if it has them, otherwise
//! inferred from the runs.

use std::collections::BTreeMap;

use isoflop_core::run::Budget;
use isoflop_fit::findings::{
    BudgetGroups, Measurement, budget_groups, has_several_learning_rates, size_ranks,
};

use super::TableNote;
use super::find::RoleColumns;
use super::roles::ColumnRole;
use super::rows::ForeignRun;

/// Budget, size and learning-rate factor of a run.
pub(super) struct RunCell {
    pub(super) budget: Budget,
    pub(super) size: String,
    pub(super) lr_factor: f64,
}

/// Determines the placement of each run, in their order.
pub(super) fn placements(
    found: &RoleColumns,
    runs: &[&ForeignRun],
    notes: &mut Vec<TableNote>,
) -> Vec<RunCell> {
    let measured: Vec<Measurement<'_>> = runs.iter().map(|run| run.measurement()).collect();
    let budgets = budgets(runs, &measured, notes);
    let sizes = sizes(runs, &measured, &budgets, notes);
    let lr_factors = lr_factors(found, runs, &budgets, &sizes, notes);
    let placed = budgets.into_iter().zip(sizes).zip(lr_factors);
    placed
        .map(|((budget, size), lr_factor)| RunCell {
            budget,
            size,
            lr_factor,
        })
        .collect()
}

fn budgets(
    runs: &[&ForeignRun],
    measured: &[Measurement<'_>],
    notes: &mut Vec<TableNote>,
) -> Vec<Budget> {
    let is_given = runs.iter().any(|run| run.budget.is_some());
    let Some(found) = (!is_given).then(|| budget_groups(measured)).flatten() else {
        let given = |run: &&ForeignRun| run.budget.unwrap_or(Budget::Flops(run.flops));
        return runs.iter().map(given).collect();
    };
    let others = match found.outside {
        0 => String::new(),
        others => format!("; runs without a budget: {others}"),
    };
    notes.push(TableNote::Remark(format!(
        "no budget column: inferred {} from the FLOPs, each with at least {} sizes, neighbouring runs within 5% and all within 10%{others}",
        found.groups,
        BudgetGroups::SIZES
    )));
    found.budgets.into_iter().map(Budget::Flops).collect()
}

/// Determines the names of sizes. Without names in the table, runs of equal N have the same size.
/// If architectures share no N at a budget, runs of equal rank have the same size, provided that
/// the ranks are unambiguous.
fn sizes(
    runs: &[&ForeignRun],
    measured: &[Measurement<'_>],
    budgets: &[Budget],
    notes: &mut Vec<TableNote>,
) -> Vec<String> {
    let mut cells: BTreeMap<Budget, Vec<usize>> = BTreeMap::new();
    for (place, budget) in budgets.iter().enumerate() {
        cells.entry(*budget).or_default().push(place);
    }
    let named = |run: &&ForeignRun| run.size.clone().unwrap_or_else(|| run.params.to_string());
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
        notes.push(TableNote::Remark(format!(
            "architectures have different N at {paired} of the budgets: their sizes are paired by rank; add a column `size` \
             to pair them by name"
        )));
    }
    sizes
}

/// Determines the learning-rate factors. Without a column of factors, if runs of one cell differ in
/// their learning rates, the rates serve as factors: tuning only needs values that differ.
fn lr_factors(
    found: &RoleColumns,
    runs: &[&ForeignRun],
    budgets: &[Budget],
    sizes: &[String],
    notes: &mut Vec<TableNote>,
) -> Vec<f64> {
    let rates: Vec<Option<f64>> = runs
        .iter()
        .zip(budgets)
        .map(|(run, budget)| run.further.learning_rate.filter(|_| budget.is_flops()))
        .collect();
    let of_cells = runs.iter().zip(budgets).zip(sizes).zip(&rates);
    let of_cells = of_cells
        .filter_map(|(((run, budget), size), rate)| Some(((&run.arm, budget, size), (*rate)?)));
    if found.column(ColumnRole::LrFactor).is_some() || !has_several_learning_rates(of_cells) {
        return runs
            .iter()
            .map(|run| run.lr_factor.unwrap_or(1.0))
            .collect();
    }
    notes.push(TableNote::Remark(
        "runs of one architecture, size and budget have several learning rates: fits use the best of each".to_owned(),
    ));
    rates.into_iter().map(|rate| rate.unwrap_or(1.0)).collect()
}
