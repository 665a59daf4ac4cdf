//! Grid of sizes times budgets: cells with runs, and cells where runs could be added.

use super::super::by_key::group_by_key;
use super::design::{Design, DesignCell, Row};
use super::grid::{self, ArmRuns, GridRung};
use super::search::Candidate;
use super::target_estimate::{DesignArm, TargetEstimate};
use super::{SuggestRefusal, SuggestedRuns, SuggestionRequest, noise};

/// All combinations of sizes and budgets, with the existing runs.
pub(super) struct DesignGrid {
    pub(super) rungs: Vec<GridRung>,
    pub(super) budgets: Vec<f64>,
    /// Cells of the grid, rung by rung, then one for each size and budget of runs outside the grid.
    pub(super) cells: Vec<GridCell>,
    /// Maximum number of tokens of an added run.
    max_tokens: f64,
}

/// Cell of one size and budget, with its runs.
pub(super) struct GridCell {
    budget: f64,
    /// (log N, log D) of each arm. `None` if an arm has no run, which happens only outside the
    /// grid.
    at: Vec<Option<(f64, f64)>>,
    /// Number of runs of each arm.
    pub(super) counts: Vec<f64>,
}

impl GridCell {
    fn empty(budget: f64, at: Vec<Option<(f64, f64)>>) -> Self {
        let counts = vec![0.0; at.len()];
        Self { budget, at, counts }
    }
}

/// Largest factor by which the tokens per parameter of a suggested run may be outside the study's
/// range.
const RATIO_BEYOND: f64 = 1.5;

impl DesignGrid {
    pub(super) fn of(arms: &[DesignArm<'_>], wanted: &SuggestionRequest) -> Self {
        let runs: Vec<&ArmRuns<'_>> = arms.iter().map(|arm| &arm.runs).collect();
        let rungs = grid::rungs(&runs, wanted.sizes.as_deref());
        let budgets = grid::budgets(&runs, wanted.allowance / arms.len() as f64);
        let spot = |(rung, budget): (&GridRung, &f64)| GridCell::empty(*budget, rung.at(*budget));
        let places = rungs
            .iter()
            .flat_map(|rung| budgets.iter().map(move |budget| (rung, budget)));
        let mut cells: Vec<GridCell> = places.map(spot).collect();
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
        for ((_, budget), runs) in
            group_by_key(elsewhere, |(_, run)| (run.size.as_str(), run.budget))
        {
            let mut spot = GridCell::empty(budget.value(), vec![None; arms.len()]);
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

    /// Returns the number of cells in the grid.
    pub(super) fn size(&self) -> usize {
        self.rungs.len() * self.budgets.len()
    }

    /// Returns (log N, log D) of a cell, for each arm that has them. In the grid that is every arm,
    /// in order.
    fn at(&self, cell: usize) -> impl Iterator<Item = (f64, f64)> {
        self.cells[cell].at.iter().copied().flatten()
    }

    /// Reports whether there is enough text for a run of each arm.
    pub(super) fn has_text(&self, cell: usize) -> bool {
        self.at(cell)
            .all(|(_, log_d)| log_d.exp() <= self.max_tokens)
    }

    pub(super) fn design(&self, arms: &[DesignArm<'_>], aim: &TargetEstimate) -> Design {
        let row = |(of, at): (&DesignArm<'_>, &Option<_>)| {
            at.map_or_else(Row::zeros, |at| of.noisy.row(at))
        };
        let cell = |spot: &GridCell| DesignCell {
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

    /// Returns the cells where the allowance pays for one run of each arm, and the tokens per
    /// parameter are near the study's.
    pub(super) fn candidates(
        &self,
        arms: &[DesignArm<'_>],
        allowance: f64,
    ) -> Result<Vec<Candidate>, SuggestRefusal> {
        let ratios: Vec<(f64, f64)> = arms.iter().map(DesignArm::ratios).collect();
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
                    "one run of each arm"
                },
            });
        }
        all.retain(|candidate| candidate.cost <= allowance);
        Ok(all)
    }

    /// Reports whether a cell has about the tokens per parameter of each arm's runs. `ratios` has
    /// their lowest and highest logarithms.
    fn is_usual(&self, cell: usize, ratios: &[(f64, f64)]) -> bool {
        let beyond = RATIO_BEYOND.ln();
        let mut arms = ratios.iter().zip(self.at(cell));
        arms.all(|((low, high), (n, d))| (low - beyond..=high + beyond).contains(&(d - n)))
    }

    /// Returns the chosen runs, the smallest budget first.
    pub(super) fn suggested_runs(
        &self,
        candidates: &[Candidate],
        taken: &[usize],
    ) -> Vec<SuggestedRuns> {
        let place = |(candidate, seeds): (&Candidate, &usize)| {
            let (n, d) = self
                .at(candidate.cell)
                .map(|(n, d)| (n.exp(), d.exp()))
                .unzip();
            SuggestedRuns {
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
        let mut places: Vec<SuggestedRuns> = candidates
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

/// Returns the variance if the FLOPs are spent evenly on all cells that have runs.
pub(super) fn variance_if_even(design: &Design, grid: &DesignGrid, flops: f64) -> f64 {
    let once = |spot: &GridCell| {
        let arms = spot.counts.iter().filter(|n| **n > 0.0).count();
        spot.budget * arms as f64
    };
    let once: f64 = grid.cells.iter().map(once).sum();
    let mut counts = design.counts();
    let there = counts.iter_mut().flatten().filter(|n| **n > 0.0);
    there.for_each(|n| *n += flops / once);
    design.variance(&design.sums(&counts))
}
