//! Detection of losses in bits among losses in nats.

use std::f64::consts::LN_2;

use super::measurement::Measurement;
use super::robust::{FEWEST, Point, median, residuals};
use super::unit_finding::UnitFinding;

/// Largest distance of the factor between two groups of losses from 1/ln 2, in its logarithm.
const NEAR: f64 = 0.02;
/// Smallest gap between two groups of losses, in their logarithm.
const GAP: f64 = 0.15;

/// Looks for a second surface at 1/ln 2 times the losses of the first.
pub(super) fn losses_in_bits<'a>(runs: &[Measurement<'a>]) -> Option<UnitFinding<'a>> {
    let points: Vec<Point> = runs.iter().map(Measurement::point).collect();
    let (runs, shift) = two_surfaces(&points)?;
    let times = shift.exp();
    ((shift + LN_2.ln()).abs() <= NEAR).then_some(UnitFinding::LossesInBits { runs, times })
}

/// Returns the points on a second surface above the first, and the log distance of the surfaces, if
/// there are two.
fn two_surfaces(points: &[Point]) -> Option<(Vec<usize>, f64)> {
    if points.len() < FEWEST {
        return None;
    }
    let mut shifts = vec![0.0; points.len()];
    let mut found = None;
    // The first fit is between the two surfaces. Each round moves it closer to the lower one.
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
        let (low, high) = split_at_widest_gap(&heights)?;
        let middle = |places: &[usize]| median(places.iter().map(|at| heights[*at]).collect());
        let shift = middle(&high) - middle(&low);
        shifts.fill(0.0);
        high.iter().for_each(|at| shifts[*at] = shift);
        found = Some((high, shift));
    }
    found
}

/// Splits the indices at the widest gap. `None` if the gap is narrow. Each side has at least two
/// values.
fn split_at_widest_gap(heights: &[f64]) -> Option<(Vec<usize>, Vec<usize>)> {
    let mut sorted = heights.to_vec();
    sorted.sort_by(f64::total_cmp);
    let gaps = (2..sorted.len() - 1).map(|i| (sorted[i] - sorted[i - 1], sorted[i]));
    let (gap, first_above) = gaps.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (gap > GAP).then(|| (0..heights.len()).partition(|place| heights[*place] < first_above))
}
