//! Search for the runs to add: greedily, then by exchanges (Fedorov, Theory of Optimal Experiments,
//! 1972, chapter 3; Pukelsheim, Optimal Design of Experiments, 1993, chapter 2, for one target,
//! c-optimality). Runs differ in cost, so the criterion is the decrease of the variance per FLOP.
//! Exchanges correct for what the greedy search spent on cheap runs.

use super::design::{Design, InformationSums};

/// One more run in a cell, for each arm of the target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) cell: usize,
    /// Cost of all its runs, FLOPs.
    pub(super) cost: f64,
}

/// Limits of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Maximum total cost, FLOPs.
    pub(super) allowance: f64,
    /// Maximum number of candidates, counting repeats.
    pub(super) picks: usize,
}

/// Choice of candidates.
#[derive(Clone, Debug)]
pub(super) struct DesignChoice {
    /// Number of times that each candidate is taken.
    pub(super) taken: Vec<usize>,
    pub(super) cost: f64,
    pub(super) variance: f64,
    sums: InformationSums,
    counts: Vec<Vec<f64>>,
}

/// Maximum number of exchanges.
const EXCHANGES: usize = 60;
/// Maximum number of new seeds of one cell. If the law misfits a cell, more seeds there only
/// confirm the misfit. A study with one seed cannot measure that misfit.
const SEEDS: usize = 3;
/// Smallest decrease that counts, as a share of the variance.
const MIN_DECREASE: f64 = 1e-6;

/// Increase of the variance, as a share, below which a run is dropped from the choice. A quarter of
/// a percent of the width is not worth a run, least of all the most expensive one.
const DROP_TOLERANCE: f64 = 5e-3;

/// Criterion for a candidate, from the decrease of the variance and the cost.
pub(super) type Criterion = fn(f64, f64) -> f64;

/// The two criteria: gain per FLOP, and gain at any cost.
pub(super) const CRITERIA: [Criterion; 2] = [|gain, cost| gain / cost, |gain, _| gain];

/// Returns the best choice that the search finds.
pub(super) fn search(design: &Design, candidates: &[Candidate], limits: Limits) -> DesignChoice {
    let searched = |worth: Criterion| {
        let mut choice = DesignChoice::none(design, candidates.len());
        choice.fill(design, candidates, limits, worth);
        choice.exchange(design, candidates, limits);
        choice.drop_unneeded(design, candidates);
        choice
    };
    let [per_flop, most] = CRITERIA.map(searched);
    if most.variance < per_flop.variance {
        most
    } else {
        per_flop
    }
}

impl DesignChoice {
    fn none(design: &Design, candidates: usize) -> Self {
        let counts = design.counts();
        let sums = design.sums(&counts);
        Self {
            taken: vec![0; candidates],
            cost: 0.0,
            variance: design.variance(&sums),
            sums,
            counts,
        }
    }

    fn picks(&self) -> usize {
        self.taken.iter().sum()
    }

    /// Returns the variance with one more, or one fewer, of a candidate.
    fn variance_with(&self, design: &Design, candidate: &Candidate, by: f64) -> f64 {
        let mut sums = self.sums.clone();
        let from = &self.counts[candidate.cell];
        let to: Vec<f64> = from.iter().map(|n| n + by).collect();
        design.change(&mut sums, candidate.cell, from, &to);
        design.variance(&sums)
    }

    /// Adds one of a candidate, or drops one.
    fn take(&mut self, design: &Design, candidates: &[Candidate], at: usize, by: isize) {
        let Candidate { cell, cost } = candidates[at];
        debug_assert!(
            by > 0 || self.taken[at] > 0,
            "cannot drop a candidate that is not taken"
        );
        self.taken[at] = self.taken[at].saturating_add_signed(by);
        let by = by as f64;
        let from = self.counts[cell].clone();
        self.counts[cell].iter_mut().for_each(|n| *n += by);
        design.change(&mut self.sums, cell, &from, &self.counts[cell]);
        self.cost += by * cost;
        self.variance = design.variance(&self.sums);
    }

    /// Returns the candidates that are taken.
    fn places(&self) -> Vec<usize> {
        let places = 0..self.taken.len();
        places.filter(|at| self.taken[*at] > 0).collect()
    }

    /// Takes the best candidate that the allowance pays for, until none helps.
    fn fill(
        &mut self,
        design: &Design,
        candidates: &[Candidate],
        limits: Limits,
        worth: Criterion,
    ) {
        while self.picks() < limits.picks {
            let left = (limits.allowance - self.cost) * (1.0 + 1e-12);
            let gain = |(at, candidate): (usize, &Candidate)| {
                let is_open = candidate.cost <= left && self.taken[at] < SEEDS;
                let variance = is_open.then(|| self.variance_with(design, candidate, 1.0))?;
                Some((at, self.variance - variance, candidate.cost))
            };
            let gains = candidates.iter().enumerate().filter_map(gain);
            let best = gains.filter(|(_, gain, _)| *gain > MIN_DECREASE * self.variance);
            let Some((at, ..)) = best.max_by(|a, b| worth(a.1, a.2).total_cmp(&worth(b.1, b.2)))
            else {
                break;
            };
            self.take(design, candidates, at, 1);
        }
    }

    /// Drops runs that gain almost nothing, the most expensive first.
    fn drop_unneeded(&mut self, design: &Design, candidates: &[Candidate]) {
        let mut taken = self.places();
        taken.sort_by(|a, b| candidates[*b].cost.total_cmp(&candidates[*a].cost));
        for at in taken {
            while self.taken[at] > 0
                && self.variance_with(design, &candidates[at], -1.0)
                    < self.variance * (1.0 + DROP_TOLERANCE)
            {
                self.take(design, candidates, at, -1);
            }
        }
    }

    /// Exchanges each candidate taken for the best that its cost buys, until no exchange helps.
    fn exchange(&mut self, design: &Design, candidates: &[Candidate], limits: Limits) {
        for _ in 0..EXCHANGES {
            let mut best: Option<Self> = None;
            for at in self.places() {
                for worth in CRITERIA {
                    let mut other = self.clone();
                    other.take(design, candidates, at, -1);
                    other.fill(design, candidates, limits, worth);
                    if other.variance
                        < best.as_ref().unwrap_or(self).variance * (1.0 - MIN_DECREASE)
                    {
                        best = Some(other);
                    }
                }
            }
            match best {
                Some(better) => *self = better,
                None => return,
            }
        }
    }
}
