//! Sizes times budgets: where the runs of a study are, and where others could be.

use super::super::by_key::by_key;
use super::aim::{Aim, Arm};
use super::design::{Cell, Design, Row};
use super::grid::{self, Rung, Runs};
use super::search::Candidate;
use super::{Place, SuggestRefusal, Wanted, noise};

/// All sizes with all budgets, and the runs that are there.
pub(super) struct Grid {
    pub(super) rungs: Vec<Rung>,
    pub(super) budgets: Vec<f64>,
    /// Sizes times budgets, rung by rung, then one for each size and budget of runs that lie at none of these.
    pub(super) cells: Vec<Spot>,
    /// The most tokens of a run that is added.
    max_tokens: f64,
}

/// One size and budget.
pub(super) struct Spot {
    budget: f64,
    /// (log N, log D) of each arm; none where an arm has no run, which happens only off the grid.
    at: Vec<Option<(f64, f64)>>,
    /// How many runs each arm has.
    pub(super) counts: Vec<f64>,
}

impl Spot {
    fn empty(budget: f64, at: Vec<Option<(f64, f64)>>) -> Self {
        let counts = vec![0.0; at.len()];
        Self { budget, at, counts }
    }
}

/// How far the tokens per parameter of a suggested run may lie beyond those of the study.
const RATIO_BEYOND: f64 = 1.5;

impl Grid {
    pub(super) fn of(arms: &[Arm<'_>], wanted: &Wanted) -> Self {
        let runs: Vec<&Runs<'_>> = arms.iter().map(|arm| &arm.runs).collect();
        let rungs = grid::rungs(&runs, wanted.sizes.as_deref());
        let budgets = grid::budgets(&runs, wanted.allowance / arms.len() as f64);
        let spot = |(rung, budget): (&Rung, &f64)| Spot::empty(*budget, rung.at(*budget));
        let places = rungs
            .iter()
            .flat_map(|rung| budgets.iter().map(move |budget| (rung, budget)));
        let mut cells: Vec<Spot> = places.map(spot).collect();
        let mut elsewhere = Vec::new();
        for (arm, of) in runs.iter().enumerate() {
            for run in &of.runs {
                let rung = rungs
                    .iter()
                    .position(|rung| rung.label.as_ref() == Some(&run.size));
                let budget = budgets
                    .iter()
                    .position(|budget| *budget == run.budget.value());
                match rung.zip(budget) {
                    Some((rung, budget)) => cells[rung * budgets.len() + budget].counts[arm] += 1.0,
                    None => elsewhere.push((arm, *run)),
                }
            }
        }
        for ((_, budget), runs) in by_key(elsewhere, |(_, run)| (run.size.as_str(), run.budget)) {
            let mut spot = Spot::empty(budget.value(), vec![None; arms.len()]);
            for (arm, run) in runs {
                spot.at[arm] = Some((run.params.ln(), run.tokens.ln()));
                spot.counts[arm] += 1.0;
            }
            cells.push(spot);
        }
        Self {
            rungs,
            budgets,
            cells,
            max_tokens: wanted.max_tokens,
        }
    }

    /// How many of the cells are sizes times budgets.
    pub(super) fn size(&self) -> usize {
        self.rungs.len() * self.budgets.len()
    }

    /// (log N, log D) of a cell, of each arm that has any: on the grid every arm, in order.
    fn at(&self, cell: usize) -> impl Iterator<Item = (f64, f64)> {
        self.cells[cell].at.iter().copied().flatten()
    }

    /// Whether there is text enough for a run of each arm.
    pub(super) fn has_text(&self, cell: usize) -> bool {
        self.at(cell)
            .all(|(_, log_d)| log_d.exp() <= self.max_tokens)
    }

    pub(super) fn design(&self, arms: &[Arm<'_>], aim: &Aim) -> Design {
        let row =
            |(of, at): (&Arm<'_>, &Option<_>)| at.map_or_else(Row::zeros, |at| of.noisy.row(at));
        let cell = |spot: &Spot| Cell {
            rows: arms.iter().zip(&spot.at).map(row).collect(),
            counts: spot.counts.clone(),
        };
        let correlation = match arms {
            [first, second] => noise::correlation(
                [first, second].map(|a| (&a.noisy.surface, a.runs.runs.as_slice())),
            ),
            _ => 0.0,
        };
        Design {
            arms: arms.iter().map(|arm| arm.noisy).collect(),
            cells: self.cells.iter().map(cell).collect(),
            correlation,
            gradient: aim.gradient.clone(),
        }
    }

    /// The places that one run of each arm can be paid for, with tokens per parameter as the study has them.
    pub(super) fn candidates(
        &self,
        arms: &[Arm<'_>],
        allowance: f64,
    ) -> Result<Vec<Candidate>, SuggestRefusal> {
        let ratios: Vec<(f64, f64)> = arms.iter().map(Arm::ratios).collect();
        let candidate = |cell: usize| Candidate {
            cell,
            cost: self.cells[cell].budget * arms.len() as f64,
        };
        let mut all: Vec<Candidate> = (0..self.size())
            .filter(|cell| self.is_usual(*cell, &ratios) && self.has_text(*cell))
            .map(candidate)
            .collect();
        if all.is_empty() {
            return Err(SuggestRefusal::TooFewTokens {
                most: self.max_tokens,
            });
        }
        let cheapest = all.iter().map(|c| c.cost).fold(f64::INFINITY, f64::min);
        if cheapest > allowance {
            let is_one = arms.len() == 1;
            return Err(SuggestRefusal::TooLittle {
                allowance,
                cheapest,
                what: if is_one {
                    "one run"
                } else {
                    "a run of each arm"
                },
            });
        }
        all.retain(|candidate| candidate.cost <= allowance);
        Ok(all)
    }

    /// Whether a place has about the tokens per parameter of each arm's runs, least and most, in logarithms.
    fn is_usual(&self, cell: usize, ratios: &[(f64, f64)]) -> bool {
        let beyond = RATIO_BEYOND.ln();
        let mut arms = ratios.iter().zip(self.at(cell));
        arms.all(|((low, high), (n, d))| (low - beyond..=high + beyond).contains(&(d - n)))
    }

    /// What was chosen, the cheapest budget first.
    pub(super) fn places(&self, candidates: &[Candidate], taken: &[usize]) -> Vec<Place> {
        let place = |(candidate, seeds): (&Candidate, &usize)| {
            let (n, d) = self
                .at(candidate.cell)
                .map(|(n, d)| (n.exp(), d.exp()))
                .unzip();
            Place {
                size: self.rungs[candidate.cell / self.budgets.len()]
                    .label
                    .clone(),
                params: n,
                tokens: d,
                budget: self.cells[candidate.cell].budget,
                seeds: *seeds,
                flops: *seeds as f64 * candidate.cost,
            }
        };
        let mut places: Vec<Place> = candidates
            .iter()
            .zip(taken)
            .filter(|(_, seeds)| **seeds > 0)
            .map(place)
            .collect();
        places.sort_by(|a, b| {
            a.budget
                .total_cmp(&b.budget)
                .then(a.params[0].total_cmp(&b.params[0]))
        });
        places
    }
}

/// The variance where FLOPs are spent on all places that have runs alike.
pub(super) fn evenly(design: &Design, grid: &Grid, flops: f64) -> f64 {
    let once = |spot: &Spot| {
        let arms = spot.counts.iter().filter(|n| **n > 0.0).count();
        spot.budget * arms as f64
    };
    let once: f64 = grid.cells.iter().map(once).sum();
    let mut counts = design.counts();
    let there = counts.iter_mut().flatten().filter(|n| **n > 0.0);
    there.for_each(|n| *n += flops / once);
    design.variance(&design.sums(&counts))
}
