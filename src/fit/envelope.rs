//! Approach 1 of Hoffmann et al. (arXiv:2203.15556, section 3.1): the lowest loss that any training
//! curve reaches at C.
//!
//! Two biases remain. Before its end, a curve has not decayed its learning rate, so its loss at C
//! is above that of a run planned for C. The lowest of noisy losses is below the loss that it
//! estimates. Both biases shift all arms in the same direction, but do not cancel exactly.

use std::collections::BTreeMap;

use super::line::{LinearFit, line};

/// A point of a training curve, or the end of a run without a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EnvelopePoint {
    pub(super) log_flops: f64,
    pub(super) log_n: f64,
    pub(super) log_loss: f64,
    /// Index of the run among the observations.
    pub(super) run: usize,
}

/// Width of a bin of log compute: four bins per factor of e.
const BIN: f64 = 0.25;

/// Fewest points for a power law.
const FEWEST: usize = 3;

/// Fits the line of log L in log C through the envelope of the runs that are present.
pub(super) fn loss_line(
    points: &[EnvelopePoint],
    present: impl Fn(usize) -> bool,
) -> Option<LinearFit> {
    let best = envelope(points, present);
    let loss = line(best.iter().map(|p| (p.log_flops, p.log_loss)));
    (best.len() >= FEWEST && loss.slope < 0.0).then_some(loss)
}

/// Returns the best point of each bin, if the bin also contains larger and smaller sizes and no
/// cheaper bin is as good.
fn envelope(points: &[EnvelopePoint], present: impl Fn(usize) -> bool) -> Vec<EnvelopePoint> {
    let mut bins: BTreeMap<i64, Vec<&EnvelopePoint>> = BTreeMap::new();
    for point in points.iter().filter(|point| present(point.run)) {
        bins.entry((point.log_flops / BIN).floor() as i64)
            .or_default()
            .push(point);
    }
    let mut envelope: Vec<EnvelopePoint> = Vec::new();
    for bin in bins.into_values() {
        let Some(best) = bin.iter().min_by(|a, b| a.log_loss.total_cmp(&b.log_loss)) else {
            continue;
        };
        let beside =
            bin.iter().any(|p| p.log_n < best.log_n) && bin.iter().any(|p| p.log_n > best.log_n);
        let falls = envelope
            .last()
            .is_none_or(|before| best.log_loss < before.log_loss);
        if beside && falls {
            envelope.push(**best);
        }
    }
    envelope
}
