//! A paired Bayesian bootstrap (Rubin 1981, doi:10.1214/aos/1176345338).
//!
//! Each replicate weighs every run by an exponential draw instead of drawing runs with
//! replacement: with five runs a profile, drawing would often leave too few distinct sizes.
//! Arms that share (size, budget, seed) share the weight, because what they share (data order,
//! initial weights, held-out text) moves them together: unpaired intervals are several times too wide.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::Observation;

/// Which runs share a weight.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    /// For each run the place of its cell.
    of: Vec<usize>,
    count: usize,
}

impl Cells {
    pub(super) fn of(observations: &[Observation]) -> Self {
        let keys = observations.iter().map(|o| (&o.size, o.budget, o.seed));
        let cells: BTreeSet<_> = keys.clone().collect();
        let places: BTreeMap<_, usize> = cells.into_iter().zip(0..).collect();
        Self {
            of: keys.map(|key| places[&key]).collect(),
            count: places.len(),
        }
    }

    /// The weight of every run in a replicate, 1 on average.
    ///
    /// A stream a replicate: the result does not depend on how many there are, or in which order.
    pub(super) fn weights(&self, seed: u64, replicate: u32) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(replicate));
        let cells: Vec<f64> = (0..self.count)
            .map(|_| -(1.0 - rng.random::<f64>()).ln())
            .collect();
        self.of.iter().map(|cell| cells[*cell]).collect()
    }
}

/// Of runs drawn with replacement, 1 - 1/e are there at all: those whose weight is above this.
pub(super) const PRESENT: f64 = 0.458_675_145_387_082;
