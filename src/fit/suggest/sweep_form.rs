//! The suggestion in a sweep file's form, in which every size is run at every budget with every seed.

use super::design::Design;
use super::places::Grid;
use super::search::Limits;
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
    if !grid.elsewhere.is_empty() {
        return Extended::default();
    }
    let at = |rung: usize, budget: usize| &grid.counts[rung * grid.budgets.len() + budget];
    let is_there = |counts: &Vec<f64>| counts.iter().any(|n| *n > 0.0);
    let start = Form {
        rungs: (0..grid.rungs.len())
            .map(|r| (0..grid.budgets.len()).any(|b| is_there(at(r, b))))
            .collect(),
        budgets: (0..grid.budgets.len())
            .map(|b| (0..grid.rungs.len()).any(|r| is_there(at(r, b))))
            .collect(),
        seeds: grid.counts.iter().flatten().copied().fold(1.0, f64::max),
    };
    let ways: [fn(f64, f64) -> f64; 2] = [|gain, cost| gain / cost, |gain, _| gain];
    let found = ways
        .into_iter()
        .filter_map(|worth| climb(design, grid, limits, &start, worth));
    let best = found.min_by(|a, b| a.variance.total_cmp(&b.variance));
    let costs = moves(&start)
        .into_iter()
        .map(|form| weigh(design, grid, form).cost);
    Extended {
        best: best.map(|best| told(&best, grid, now)),
        cheapest: costs.min_by(f64::total_cmp).filter(|c| c.is_finite()),
    }
}

fn told(best: &Weighed, grid: &Grid, now: f64) -> SweepForm {
    let chosen = |flags: &[bool]| {
        flags
            .iter()
            .enumerate()
            .filter(|(_, is)| **is)
            .map(|(i, _)| i)
            .collect::<Vec<_>>()
    };
    let size = |rung: usize| {
        let rung = &grid.rungs[rung];
        SweepSize {
            label: rung.label.clone(),
            params: rung.log_n[0].exp(),
        }
    };
    SweepForm {
        sizes: chosen(&best.form.rungs).into_iter().map(size).collect(),
        budgets: chosen(&best.form.budgets)
            .into_iter()
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
    worth: fn(f64, f64) -> f64,
) -> Option<Weighed> {
    let mut at = weigh(design, grid, start.clone());
    loop {
        let fits = |w: &Weighed| {
            let runs = limits.picks * design.arms.len();
            w.cost <= limits.allowance && w.runs <= runs as f64 && w.variance < at.variance
        };
        let next = moves(&at.form)
            .into_iter()
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
fn moves(form: &Form) -> Vec<Form> {
    let mut moves = vec![Form {
        seeds: form.seeds + 1.0,
        ..form.clone()
    }];
    for rung in (0..form.rungs.len()).filter(|rung| !form.rungs[*rung]) {
        moves.push(form.clone());
        moves
            .last_mut()
            .into_iter()
            .for_each(|form| form.rungs[rung] = true);
    }
    for budget in (0..form.budgets.len()).filter(|budget| !form.budgets[*budget]) {
        moves.push(form.clone());
        moves
            .last_mut()
            .into_iter()
            .for_each(|form| form.budgets[budget] = true);
    }
    moves
}

fn weigh(design: &Design, grid: &Grid, form: Form) -> Weighed {
    let mut counts = design.counts();
    let (mut cost, mut runs) = (0.0, 0.0);
    for (cell, counts) in counts.iter_mut().enumerate() {
        let (rung, budget) = (cell / grid.budgets.len(), cell % grid.budgets.len());
        if form.rungs[rung] && form.budgets[budget] {
            for count in counts {
                let new = (form.seeds - *count).max(0.0);
                *count += new;
                // What there is no text for cannot be had at any price.
                let price = if grid.has_text(cell) {
                    grid.budgets[budget]
                } else {
                    f64::INFINITY
                };
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
