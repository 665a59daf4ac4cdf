//! The suggestion in a sweep file's form, in which every size is run at every budget with every seed.

use super::design::Design;
use super::places::Grid;
use super::search::{Limits, WORTHS, Worth};
use super::suggestion::{SweepForm, SweepSize};

/// Which rungs and budgets of the grid are in the file, and how many seeds.
#[derive(Clone, Debug, PartialEq)]
struct Form {
    rungs: Vec<bool>,
    budgets: Vec<bool>,
    seeds: f64,
}

/// A form with what it comes to.
struct Weighed {
    form: Form,
    cost: f64,
    runs: f64,
    variance: f64,
}

/// What can be made of a sweep file; nothing where runs lie outside such a form.
#[derive(Default)]
pub(super) struct Extended {
    /// The best within the limits.
    pub(super) best: Option<SweepForm>,
    /// FLOPs of the least.
    pub(super) cheapest: Option<f64>,
}

/// The best that one line after another of the file buys.
pub(super) fn extend(design: &Design, grid: &Grid, limits: Limits, now: f64) -> Extended {
    if grid.cells.len() > grid.size() {
        return Extended::default();
    }
    let (rungs, budgets) = (grid.rungs.len(), grid.budgets.len());
    let counts = || grid.cells.iter().map(|spot| &spot.counts);
    let there: Vec<bool> = counts()
        .map(|counts| counts.iter().any(|n| *n > 0.0))
        .collect();
    let start = Form {
        rungs: (0..rungs)
            .map(|r| (0..budgets).any(|b| there[r * budgets + b]))
            .collect(),
        budgets: (0..budgets)
            .map(|b| (0..rungs).any(|r| there[r * budgets + b]))
            .collect(),
        seeds: counts().flatten().copied().fold(1.0, f64::max),
    };
    let found = WORTHS
        .into_iter()
        .filter_map(|worth| climb(design, grid, limits, &start, worth));
    let best = found.min_by(|a, b| a.variance.total_cmp(&b.variance));
    let costs = moves(&start).map(|form| weigh(design, grid, form).cost);
    Extended {
        best: best.map(|best| told(&best, grid, now)),
        cheapest: costs.min_by(f64::total_cmp).filter(|c| c.is_finite()),
    }
}

/// The places of the flags that are set, or are not.
fn places(flags: &[bool], set: bool) -> impl Iterator<Item = usize> {
    (0..flags.len()).filter(move |at| flags[*at] == set)
}

fn told(best: &Weighed, grid: &Grid, now: f64) -> SweepForm {
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

/// Adds the worthiest line that can be paid for, until none helps.
fn climb(
    design: &Design,
    grid: &Grid,
    limits: Limits,
    start: &Form,
    worth: Worth,
) -> Option<Weighed> {
    let mut at = weigh(design, grid, start.clone());
    loop {
        let fits = |w: &Weighed| {
            let runs = limits.picks * design.arms.len();
            w.cost <= limits.allowance && w.runs <= runs as f64 && w.variance < at.variance
        };
        let next = moves(&at.form)
            .map(|form| weigh(design, grid, form))
            .filter(fits);
        let value = |w: &Weighed| worth(at.variance - w.variance, w.cost - at.cost);
        match next.max_by(|a, b| value(a).total_cmp(&value(b))) {
            Some(better) => at = better,
            None => return (at.form != *start).then_some(at),
        }
    }
}

/// One size, one budget or one seed more.
fn moves(form: &Form) -> impl Iterator<Item = Form> {
    let with = |change: &dyn Fn(&mut Form)| {
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

fn weigh(design: &Design, grid: &Grid, form: Form) -> Weighed {
    let mut counts = design.counts();
    let (mut cost, mut runs) = (0.0, 0.0);
    for (cell, counts) in counts.iter_mut().enumerate() {
        let (rung, budget) = (cell / grid.budgets.len(), cell % grid.budgets.len());
        if form.rungs[rung] && form.budgets[budget] {
            // What there is no text for cannot be had at any price.
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
    Weighed {
        form,
        cost,
        runs,
        variance,
    }
}
