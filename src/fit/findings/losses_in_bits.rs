//! Losses in bits among losses in nats.

use std::f64::consts::LN_2;

use super::measurement::Measurement;
use super::robust::{FEWEST, Point, median, residuals};
use super::unit_finding::UnitFinding;

/// How far the factor between two groups of losses may be from 1/ln 2, in its logarithm.
const NEAR: f64 = 0.02;
/// Least gap between two groups of losses, in their logarithm.
const GAP: f64 = 0.15;

/// Looks for a second surface at 1/ln 2 times the losses of the first.
pub(super) fn losses_in_bits<'a>(runs: &[Measurement<'a>]) -> Option<UnitFinding<'a>> {
    let points: Vec<Point> = runs.iter().map(Measurement::point).collect();
    let (runs, shift) = two_surfaces(&points)?;
    let times = shift.exp();
    ((shift + LN_2.ln()).abs() <= NEAR).then_some(UnitFinding::LossesInBits { runs, times })
}

/// The points that lie on a second surface above the first, and how far above, where there are two.
fn two_surfaces(points: &[Point]) -> Option<(Vec<usize>, f64)> {
    if points.len() < FEWEST {
        return None;
    }
    let mut shifts = vec![0.0; points.len()];
    let mut found = None;
    // The first surface lies between the two; each round brings it nearer to the lower.
    for _ in 0..4 {
        let shifted: Vec<Point> = points
            .iter()
            .zip(&shifts)
            .map(|([n, d, l], shift)| [*n, *d, l - shift])
            .collect();
        let heights: Vec<f64> = residuals(&shifted)
            .iter()
            .zip(&shifts)
            .map(|(r, shift)| r + shift)
            .collect();
        let (low, high) = halves(&heights)?;
        let middle = |places: &[usize]| median(places.iter().map(|at| heights[*at]).collect());
        let shift = middle(&high) - middle(&low);
        shifts.fill(0.0);
        high.iter().for_each(|at| shifts[*at] = shift);
        found = Some((high, shift));
    }
    found
}

/// The places below and above the widest gap, in their order, where it is wide and parts more than one value from the others.
fn halves(heights: &[f64]) -> Option<(Vec<usize>, Vec<usize>)> {
    let mut sorted = heights.to_vec();
    sorted.sort_by(f64::total_cmp);
    let gaps = (2..sorted.len() - 1).map(|i| (sorted[i] - sorted[i - 1], sorted[i]));
    let (gap, first_above) = gaps.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (gap > GAP).then(|| (0..heights.len()).partition(|place| heights[*place] < first_above))
}
