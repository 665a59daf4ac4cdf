//! Paired Bayesian bootstrap (Rubin 1981, doi:10.1214/aos/1176345338).
//!
//! Each replicate weights every run by an exponential draw instead of drawing runs with
//! replacement. With five runs in a profile, drawing would often leave too few distinct sizes. Runs
//! of different arms with the same size, budget and seed have the same weight. Their common data
//! order, initial weights and held-out text correlate their errors, and unpaired intervals are
//! several times too wide.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::Observation;

/// Groups of runs that share a weight.
#[derive(Clone, Debug)]
pub(super) struct WeightGroups {
    /// Index of the group of each run.
    of: Vec<usize>,
    count: usize,
}

impl WeightGroups {
    pub(super) fn of(observations: &[Observation]) -> Self {
        let keys = observations.iter().map(|o| (&o.size, o.budget, o.seed));
        let cells: BTreeSet<_> = keys.clone().collect();
        let places: BTreeMap<_, usize> = cells.into_iter().zip(0..).collect();
        Self {
            of: keys.map(|key| places[&key]).collect(),
            count: places.len(),
        }
    }

    /// Draws the weight of every run in a replicate, 1 on average.
    ///
    /// Each replicate has its own random stream, so the result does not depend on their number or
    /// order.
    pub(super) fn weights(&self, seed: u64, replicate: u32) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(replicate));
        let cells: Vec<f64> = (0..self.count)
            .map(|_| -(1.0 - rng.random::<f64>()).ln())
            .collect();
        self.of.iter().map(|cell| cells[*cell]).collect()
    }
}

/// Smallest weight of a run that counts as drawn. Drawing with replacement includes a share of
/// 1 - 1/e of the runs, and so does this threshold.
pub(super) const PRESENT_WEIGHT: f64 = 0.458_675_145_387_082;
