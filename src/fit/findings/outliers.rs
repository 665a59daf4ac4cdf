//! Runs that look as if they had diverged, and nobody marked them.
//!
//! An outlier's loss is more than [`FACTOR`] times what a robust surface of its architecture's losses has at its (N, D), and
//! lies more than [`SPREADS`] spreads of the others above it. Three such runs left in a real table turned a compute
//! multiplier of 2.4 into 53.8.

use super::measurement::{Measurement, by_arm};
use super::robust::{FEWEST as FEWEST_OF_SURFACE, Point, residuals, spread};

/// How many times the loss of its like a run must have.
const FACTOR: f64 = 1.6;
/// The same where runs are too few for a surface, and a median stands in its place.
const FACTOR_OF_FEW: f64 = 2.0;
/// Runs of an architecture below which there is nothing to compare with.
const FEWEST: usize = 4;
/// How many spreads of the others it must lie above.
const SPREADS: f64 = 6.0;

/// A run whose loss lies far above those of runs like it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlier {
    /// Its place.
    pub run: usize,
    /// Its loss over that of runs like it.
    pub times: f64,
}

/// The outliers, in the order of their places.
pub fn outliers(runs: &[Measurement<'_>]) -> Vec<Outlier> {
    let arms = by_arm(runs).into_iter();
    let mut found: Vec<Outlier> = arms.flat_map(|(_, own)| of_arm(runs, &own)).collect();
    found.sort_by_key(|outlier| outlier.run);
    found
}

fn of_arm(runs: &[Measurement<'_>], members: &[usize]) -> Vec<Outlier> {
    if members.len() < FEWEST {
        return Vec::new();
    }
    let points: Vec<Point> = members.iter().map(|run| runs[*run].point()).collect();
    let residuals = residuals(&points);
    let factor = if members.len() < FEWEST_OF_SURFACE {
        FACTOR_OF_FEW
    } else {
        FACTOR
    };
    let least = factor.ln().max(SPREADS * spread(&residuals));
    let outlier = |(run, residual): (&usize, &f64)| {
        let times = residual.exp();
        (*residual > least).then_some(Outlier { run: *run, times })
    };
    members.iter().zip(&residuals).filter_map(outlier).collect()
}
