//! Which runs to add: greedily, then by exchanges (Fedorov, Theory of Optimal Experiments, 1972, chapter 3; Pukelsheim, Optimal
//! Design of Experiments, 1993, chapter 2, for one target, c-optimality). A run has a price here, so that what counts is
//! the decrease of the variance per FLOP; exchanges mend what greed has spent on cheap runs.

use super::design::{Design, Sums};

/// One more run in a cell, of each arm that the target is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) cell: usize,
    /// FLOPs of all its runs.
    pub(super) cost: f64,
}

/// What may be spent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// FLOPs.
    pub(super) allowance: f64,
    /// How many candidates may be taken, each as often as wanted.
    pub(super) picks: usize,
}

/// A choice of candidates.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// How often each candidate is taken.
    pub(super) taken: Vec<usize>,
    pub(super) cost: f64,
    pub(super) variance: f64,
    sums: Sums,
    counts: Vec<Vec<f64>>,
}

/// Exchanges that are tried at most.
const EXCHANGES: usize = 60;
/// New seeds of one place at most. Where the law misses a place, seeds there only say so more surely, and a study of one seed
/// cannot tell how far it misses.
const SEEDS: usize = 3;
/// A decrease, as a share of the variance, below which it is none.
const FELT: f64 = 1e-6;

/// Rise of the variance, as a share, for which what was taken is given up again: a quarter of a percent of the width is worth
/// no run, and least of all the dearest.
const SPARED: f64 = 5e-3;

/// What a candidate is chosen by: decrease of variance, cost.
pub(super) type Worth = fn(f64, f64) -> f64;

/// The gain per FLOP, and the gain at any price.
pub(super) const WORTHS: [Worth; 2] = [|gain, cost| gain / cost, |gain, _| gain];

/// The best choice that was found.
pub(super) fn search(design: &Design, candidates: &[Candidate], limits: Limits) -> Choice {
    let searched = |worth: Worth| {
        let mut choice = Choice::none(design, candidates.len());
        choice.fill(design, candidates, limits, worth);
        choice.exchange(design, candidates, limits);
        choice.spare(design, candidates);
        choice
    };
    let [per_flop, most] = WORTHS.map(searched);
    if most.variance < per_flop.variance {
        most
    } else {
        per_flop
    }
}

impl Choice {
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

    /// The variance with one more, or one fewer, of a candidate.
    fn variance_with(&self, design: &Design, candidate: &Candidate, by: f64) -> f64 {
        let mut sums = self.sums.clone();
        let from = &self.counts[candidate.cell];
        let to: Vec<f64> = from.iter().map(|n| n + by).collect();
        design.change(&mut sums, candidate.cell, from, &to);
        design.variance(&sums)
    }

    /// Takes one more, or gives one up.
    fn take(&mut self, design: &Design, candidates: &[Candidate], at: usize, by: isize) {
        let Candidate { cell, cost } = candidates[at];
        debug_assert!(
            by > 0 || self.taken[at] > 0,
            "one that is not taken is given up"
        );
        self.taken[at] = self.taken[at].saturating_add_signed(by);
        let by = by as f64;
        let from = self.counts[cell].clone();
        self.counts[cell].iter_mut().for_each(|n| *n += by);
        design.change(&mut self.sums, cell, &from, &self.counts[cell]);
        self.cost += by * cost;
        self.variance = design.variance(&self.sums);
    }

    /// The candidates that are taken.
    fn places(&self) -> Vec<usize> {
        let places = 0..self.taken.len();
        places.filter(|at| self.taken[*at] > 0).collect()
    }

    /// Takes the worthiest candidate that can be paid for, until none helps.
    fn fill(&mut self, design: &Design, candidates: &[Candidate], limits: Limits, worth: Worth) {
        while self.picks() < limits.picks {
            let left = (limits.allowance - self.cost) * (1.0 + 1e-12);
            let gain = |(at, candidate): (usize, &Candidate)| {
                let is_open = candidate.cost <= left && self.taken[at] < SEEDS;
                let variance = is_open.then(|| self.variance_with(design, candidate, 1.0))?;
                Some((at, self.variance - variance, candidate.cost))
            };
            let gains = candidates.iter().enumerate().filter_map(gain);
            let best = gains.filter(|(_, gain, _)| *gain > FELT * self.variance);
            let Some((at, ..)) = best.max_by(|a, b| worth(a.1, a.2).total_cmp(&worth(b.1, b.2)))
            else {
                break;
            };
            self.take(design, candidates, at, 1);
        }
    }

    /// Gives up what buys nothing, the dearest first.
    fn spare(&mut self, design: &Design, candidates: &[Candidate]) {
        let mut taken = self.places();
        taken.sort_by(|a, b| candidates[*b].cost.total_cmp(&candidates[*a].cost));
        for at in taken {
            while self.taken[at] > 0
                && self.variance_with(design, &candidates[at], -1.0)
                    < self.variance * (1.0 + SPARED)
            {
                self.take(design, candidates, at, -1);
            }
        }
    }

    /// Gives each of what was taken up in turn, for the best that its price buys, until nothing helps.
    fn exchange(&mut self, design: &Design, candidates: &[Candidate], limits: Limits) {
        for _ in 0..EXCHANGES {
            let mut best: Option<Self> = None;
            for at in self.places() {
                for worth in WORTHS {
                    let mut other = self.clone();
                    other.take(design, candidates, at, -1);
                    other.fill(design, candidates, limits, worth);
                    if other.variance < best.as_ref().unwrap_or(self).variance * (1.0 - FELT) {
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
