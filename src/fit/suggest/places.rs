//! Sizes times budgets: where the runs of a study are, and where others could be.

use isoflop_core::run::Budget;

use super::super::Observation;
use super::aim::{Aim, Arm};
use super::design::{Cell, Design, Row};
use super::grid::{self, Rung, Runs};
use super::search::Candidate;
use super::{Place, SuggestRefusal, Wanted, noise};

/// All sizes with all budgets, and the runs that are there.
pub(super) struct Grid {
    pub(super) rungs: Vec<Rung>,
    pub(super) budgets: Vec<f64>,
    /// The runs of each place, an arm each, rung by rung.
    pub(super) counts: Vec<Vec<f64>>,
    /// Runs that are at none of the places.
    pub(super) elsewhere: Vec<Elsewhere>,
    /// The most tokens of a run that is added.
    max_tokens: f64,
}

/// Runs of one size and budget that are at no place of the grid.
pub(super) struct Elsewhere {
    key: (String, Budget),
    /// (log N, log D) of each arm that has runs there.
    at: Vec<Option<(f64, f64)>>,
    counts: Vec<f64>,
}

/// How far the tokens per parameter of a suggested run may lie beyond those of the study.
const RATIO_BEYOND: f64 = 1.5;

impl Grid {
    pub(super) fn of(arms: &[Arm<'_>], wanted: &Wanted) -> Self {
        let runs: Vec<Runs<'_>> = arms
            .iter()
            .map(|arm| Runs {
                runs: arm.runs.runs.clone(),
                per_token: arm.runs.per_token,
            })
            .collect();
        let (rungs, budgets) = (
            grid::rungs(&runs, wanted.sizes.as_deref()),
            grid::budgets(&runs, wanted.allowance / arms.len() as f64),
        );
        let mut grid = Self {
            counts: vec![vec![0.0; arms.len()]; rungs.len() * budgets.len()],
            rungs,
            budgets,
            elsewhere: Vec::new(),
            max_tokens: wanted.max_tokens,
        };
        for (arm, Runs { runs, .. }) in runs.iter().enumerate() {
            for run in runs {
                let rung = grid
                    .rungs
                    .iter()
                    .position(|rung| rung.label.as_ref() == Some(&run.size));
                let value = run.budget.value();
                let budget = grid.budgets.iter().position(|budget| *budget == value);
                match rung.zip(budget) {
                    Some((rung, budget)) => {
                        grid.counts[rung * grid.budgets.len() + budget][arm] += 1.0
                    }
                    None => grid.add_elsewhere(arm, run, arms.len()),
                }
            }
        }
        grid
    }

    fn add_elsewhere(&mut self, arm: usize, run: &Observation, arms: usize) {
        let key = (run.size.clone(), run.budget);
        let at = self
            .elsewhere
            .iter()
            .position(|other| other.key == key)
            .unwrap_or_else(|| {
                self.elsewhere.push(Elsewhere {
                    key,
                    at: vec![None; arms],
                    counts: vec![0.0; arms],
                });
                self.elsewhere.len() - 1
            });
        self.elsewhere[at].at[arm] = Some((run.params.ln(), run.tokens.ln()));
        self.elsewhere[at].counts[arm] += 1.0;
    }

    /// (log N, log D) of a place for an arm.
    fn at(&self, cell: usize, arm: usize) -> (f64, f64) {
        let (rung, budget) = (
            &self.rungs[cell / self.budgets.len()],
            self.budgets[cell % self.budgets.len()],
        );
        (rung.log_n[arm], budget.ln() - rung.log_f[arm])
    }

    /// Whether there is text enough for a run of each arm.
    pub(super) fn has_text(&self, cell: usize) -> bool {
        (0..self.counts[cell].len()).all(|arm| self.at(cell, arm).1.exp() <= self.max_tokens)
    }

    pub(super) fn budget(&self, cell: usize) -> f64 {
        self.budgets[cell % self.budgets.len()]
    }

    pub(super) fn design(&self, arms: &[Arm<'_>], aim: &Aim) -> Design {
        let cell = |(cell, counts): (usize, &Vec<f64>)| {
            let rows = arms
                .iter()
                .enumerate()
                .map(|(arm, of)| of.noisy.row(self.at(cell, arm)))
                .collect();
            Cell {
                rows,
                counts: counts.clone(),
            }
        };
        let mut cells: Vec<Cell> = self.counts.iter().enumerate().map(cell).collect();
        cells.extend(self.elsewhere.iter().map(|other| {
            let row = |(of, at): (&Arm<'_>, &Option<_>)| {
                at.map_or_else(Row::zeros, |at| of.noisy.row(at))
            };
            Cell {
                rows: arms.iter().zip(&other.at).map(row).collect(),
                counts: other.counts.clone(),
            }
        }));
        let correlation = match arms {
            [first, second] => noise::correlation(
                [first, second].map(|a| (&a.noisy.surface, a.runs.runs.as_slice())),
            ),
            _ => 0.0,
        };
        Design {
            arms: arms.iter().map(|arm| arm.noisy).collect(),
            cells,
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
            cost: self.budget(cell) * arms.len() as f64,
        };
        let all: Vec<Candidate> = (0..self.counts.len())
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
            let what = if arms.len() == 1 {
                "one run"
            } else {
                "a run of each arm"
            }
            .to_owned();
            return Err(SuggestRefusal::TooLittle {
                allowance,
                cheapest,
                what,
            });
        }
        Ok(all
            .into_iter()
            .filter(|candidate| candidate.cost <= allowance)
            .collect())
    }

    /// Whether a place has about the tokens per parameter of each arm's runs, least and most, in logarithms.
    fn is_usual(&self, cell: usize, ratios: &[(f64, f64)]) -> bool {
        ratios.iter().enumerate().all(|(arm, (low, high))| {
            let (log_n, log_d) = self.at(cell, arm);
            (low - RATIO_BEYOND.ln()..=high + RATIO_BEYOND.ln()).contains(&(log_d - log_n))
        })
    }

    /// What was chosen, the cheapest budget first.
    pub(super) fn places(&self, candidates: &[Candidate], taken: &[usize]) -> Vec<Place> {
        let place = |(candidate, seeds): (&Candidate, &usize)| {
            let rung = &self.rungs[candidate.cell / self.budgets.len()];
            let arms = 0..rung.log_n.len();
            Place {
                size: rung.label.clone(),
                params: rung.log_n.iter().map(|n| n.exp()).collect(),
                tokens: arms
                    .map(|arm| self.at(candidate.cell, arm).1.exp())
                    .collect(),
                budget: self.budget(candidate.cell),
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
    let budget = |cell: usize| match cell.checked_sub(grid.counts.len()) {
        Some(at) => grid.elsewhere[at].key.1.value(),
        None => grid.budget(cell),
    };
    let mut counts = design.counts();
    let runs = |counts: &[f64]| counts.iter().filter(|n| **n > 0.0).count() as f64;
    let once: f64 = counts
        .iter()
        .enumerate()
        .map(|(cell, counts)| budget(cell) * runs(counts))
        .sum();
    counts
        .iter_mut()
        .flatten()
        .filter(|n| **n > 0.0)
        .for_each(|n| *n += flops / once);
    design.variance(&design.sums(&counts))
}
