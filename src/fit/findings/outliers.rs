//! Runs that appear to have diverged but are not marked as diverged.
//!
//! The loss of an outlier is more than [`FACTOR`] times that of a robust surface of its
//! architecture at its (N, D), and more than [`SPREADS`] spreads of the other residuals above it.
//! Three outliers left in a real table turned a compute multiplier of 2.4 into 53.8.

use super::measurement::{Measurement, by_arm};
use super::robust::{FEWEST as FEWEST_OF_SURFACE, Point, residuals, spread};

/// Smallest ratio of an outlier's loss to that of similar runs.
const FACTOR: f64 = 1.6;
/// The same ratio if runs are too few for a surface and a median replaces it.
const MEDIAN_FACTOR: f64 = 2.0;
/// Fewest runs of an architecture for a comparison.
const FEWEST: usize = 4;
/// Smallest distance of an outlier above the surface, in spreads of the other residuals.
const SPREADS: f64 = 6.0;

/// Run whose loss is far above that of similar runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlier {
    /// Index of the run.
    pub run: usize,
    /// Loss divided by that of similar runs.
    pub ratio: f64,
}

/// Finds the outliers, in the order of their indices.
pub fn outliers(runs: &[Measurement<'_>]) -> Vec<Outlier> {
    let arms = by_arm(runs).into_iter();
    let mut found: Vec<Outlier> = arms.flat_map(|(_, own)| arm_outliers(runs, &own)).collect();
    found.sort_by_key(|outlier| outlier.run);
    found
}

fn arm_outliers(runs: &[Measurement<'_>], members: &[usize]) -> Vec<Outlier> {
    if members.len() < FEWEST {
        return Vec::new();
    }
    let points: Vec<Point> = members.iter().map(|run| runs[*run].point()).collect();
    let residuals = residuals(&points);
    let factor = if members.len() < FEWEST_OF_SURFACE {
        MEDIAN_FACTOR
    } else {
        FACTOR
    };
    let least = factor.ln().max(SPREADS * spread(&residuals));
    let outlier = |(run, residual): (&usize, &f64)| {
        let times = residual.exp();
        (*residual > least).then_some(Outlier {
            run: *run,
            ratio: times,
        })
    };
    members.iter().zip(&residuals).filter_map(outlier).collect()
}
