//! Suggestion as an extension of a sweep file, which runs every size at every budget with every
//! seed.

use super::design::Design;
use super::design_grid::DesignGrid;
use super::search::{CRITERIA, Criterion, Limits};
use super::suggestion::{SweepForm, SweepSize};

/// Rungs and budgets of the grid that are in the file, and the number of seeds.
#[derive(Clone, Debug, PartialEq)]
struct GridSubset {
    rungs: Vec<bool>,
    budgets: Vec<bool>,
    seeds: f64,
}

/// Subset of the grid with its cost, new runs and variance.
struct WeighedSubset {
    form: GridSubset,
    cost: f64,
    runs: f64,
    variance: f64,
}

/// Extensions of a sweep file. Empty if runs are outside the grid.
#[derive(Default)]
pub(super) struct SweepExtension {
    /// Best extension within the limits.
    pub(super) best: Option<SweepForm>,
    /// Cost of the cheapest extension, FLOPs.
    pub(super) cheapest: Option<f64>,
}

/// Extends the file by one size, budget or seed at a time.
pub(super) fn extend(
    design: &Design,
    grid: &DesignGrid,
    limits: Limits,
    now: f64,
) -> SweepExtension {
    if grid.cells.len() > grid.size() {
        return SweepExtension::default();
    }
    let (rungs, budgets) = (grid.rungs.len(), grid.budgets.len());
    let counts = || grid.cells.iter().map(|spot| &spot.counts);
    let there: Vec<bool> = counts()
        .map(|counts| counts.iter().any(|n| *n > 0.0))
        .collect();
    let start = GridSubset {
        rungs: (0..rungs)
            .map(|r| (0..budgets).any(|b| there[r * budgets + b]))
            .collect(),
        budgets: (0..budgets)
            .map(|b| (0..rungs).any(|r| there[r * budgets + b]))
            .collect(),
        seeds: counts().flatten().copied().fold(1.0, f64::max),
    };
    let found = CRITERIA
        .into_iter()
        .filter_map(|worth| climb(design, grid, limits, &start, worth));
    let best = found.min_by(|a, b| a.variance.total_cmp(&b.variance));
    let costs = moves(&start).map(|form| weigh(design, grid, form).cost);
    SweepExtension {
        best: best.map(|best| to_sweep_form(&best, grid, now)),
        cheapest: costs.min_by(f64::total_cmp).filter(|c| c.is_finite()),
    }
}

/// Returns the indices of the flags that equal `set`.
fn places(flags: &[bool], set: bool) -> impl Iterator<Item = usize> {
    (0..flags.len()).filter(move |at| flags[*at] == set)
}

fn to_sweep_form(best: &WeighedSubset, grid: &DesignGrid, now: f64) -> SweepForm {
    let size = |rung: usize| SweepSize {
        label: grid.rungs[rung].label.clone(),
        params: grid.rungs[rung].log_n[0].exp(),
    };
    SweepForm {
        sizes: places(&best.form.rungs, true).map(size).collect(),
        budgets: places(&best.form.budgets, true)
            .map(|b| grid.budgets[b])
            .collect(),
        seeds: best.form.seeds as usize,
        new_runs: best.runs as usize,
        flops: best.cost,
        shrink: (best.variance / now).sqrt(),
    }
}

/// Adds the best size, budget or seed that the allowance pays for, until none helps.
fn climb(
    design: &Design,
    grid: &DesignGrid,
    limits: Limits,
    start: &GridSubset,
    worth: Criterion,
) -> Option<WeighedSubset> {
    let mut at = weigh(design, grid, start.clone());
    loop {
        let fits = |w: &WeighedSubset| {
            let runs = limits.picks * design.arms.len();
            w.cost <= limits.allowance && w.runs <= runs as f64 && w.variance < at.variance
        };
        let next = moves(&at.form)
            .map(|form| weigh(design, grid, form))
            .filter(fits);
        let value = |w: &WeighedSubset| worth(at.variance - w.variance, w.cost - at.cost);
        match next.max_by(|a, b| value(a).total_cmp(&value(b))) {
            Some(better) => at = better,
            None => return (at.form != *start).then_some(at),
        }
    }
}

/// Returns the subsets with one size, one budget or one seed more.
fn moves(form: &GridSubset) -> impl Iterator<Item = GridSubset> {
    let with = |change: &dyn Fn(&mut GridSubset)| {
        let mut more = form.clone();
        change(&mut more);
        more
    };
    let rungs = places(&form.rungs, false).map(move |rung| with(&|form| form.rungs[rung] = true));
    let budgets = places(&form.budgets, false).map(move |b| with(&|form| form.budgets[b] = true));
    [with(&|form| form.seeds += 1.0)]
        .into_iter()
        .chain(rungs)
        .chain(budgets)
}

fn weigh(design: &Design, grid: &DesignGrid, form: GridSubset) -> WeighedSubset {
    let mut counts = design.counts();
    let (mut cost, mut runs) = (0.0, 0.0);
    for (cell, counts) in counts.iter_mut().enumerate() {
        let (rung, budget) = (cell / grid.budgets.len(), cell % grid.budgets.len());
        if form.rungs[rung] && form.budgets[budget] {
            // A run that needs more text than there is cannot be trained at any cost.
            let price = if grid.has_text(cell) {
                grid.budgets[budget]
            } else {
                f64::INFINITY
            };
            for count in counts {
                let new = (form.seeds - *count).max(0.0);
                *count += new;
                cost += if new > 0.0 { new * price } else { 0.0 };
                runs += new;
            }
        }
    }
    let variance = design.variance(&design.sums(&counts));
    WeighedSubset {
        form,
        cost,
        runs,
        variance,
    }
}
