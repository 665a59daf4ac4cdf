//! Runs that look as if they had diverged, and nobody marked them.
//!
//! A run is suspected whose loss is more than [`FACTOR`] times what a robust surface of its architecture's losses has at
//! its (N, D), and lies more than [`SPREADS`] spreads of the others above it. Three such runs left in a real table turned a
//! compute multiplier of 2.4 into 53.8.

use std::collections::HashMap;

use super::crude::{Point, residuals, spread};
use super::rows::Run;

/// How many times the loss of its like a run must have.
const FACTOR: f64 = 1.6;
/// The same where runs are too few for a surface, and a median stands in its place.
const FACTOR_OF_FEW: f64 = 2.0;
/// Runs of an architecture from which there is a surface.
const FEW: usize = 12;
/// Runs of an architecture below which there is nothing to compare with.
const FEWEST: usize = 4;
/// How many spreads of the others it must lie above.
const SPREADS: f64 = 6.0;

/// The places of suspects, each with its loss over that of its like.
pub(super) fn suspects(runs: &[(Run, u64)]) -> Vec<(usize, f64)> {
    let mut arms: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, (run, _)) in runs.iter().enumerate() {
        arms.entry(&run.arm).or_default().push(place);
    }
    let mut found: Vec<(usize, f64)> = arms
        .values()
        .flat_map(|members| of_arm(runs, members))
        .collect();
    found.sort_by_key(|(place, _)| *place);
    found
}

/// A run as a point of the surface.
pub(super) fn point(run: &Run) -> Point {
    [run.params.ln(), run.tokens.ln(), run.loss.ln()]
}

fn of_arm(runs: &[(Run, u64)], members: &[usize]) -> Vec<(usize, f64)> {
    if members.len() < FEWEST {
        return Vec::new();
    }
    let residuals = residuals(
        &members
            .iter()
            .map(|place| point(&runs[*place].0))
            .collect::<Vec<_>>(),
    );
    let factor = if members.len() < FEW {
        FACTOR_OF_FEW
    } else {
        FACTOR
    };
    let least = factor.ln().max(SPREADS * spread(&residuals));
    let above = members
        .iter()
        .zip(&residuals)
        .filter(|(_, residual)| **residual > least);
    above
        .map(|(place, residual)| (*place, residual.exp()))
        .collect()
}
