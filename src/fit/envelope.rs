//! Approach 1 of Hoffmann et al. (arXiv:2203.15556, section 3.1): the least loss that any training curve reaches with C.
//!
//! A curve on its way has not decayed its learning rate, and what it reaches with C lies above what a run planned for C would;
//! a least value of noisy ones lies below what it estimates. Both move all arms alike, and neither cancels in full.

use std::collections::BTreeMap;

use super::line::{Line, line};

/// A point of a training curve, or the end of a run whose curve is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EnvelopePoint {
    pub(super) log_flops: f64,
    pub(super) log_n: f64,
    pub(super) log_loss: f64,
    /// Place of the run among the observations.
    pub(super) run: usize,
}

/// Width of a bin of compute, in logarithms: four an e-fold.
const BIN: f64 = 0.25;

/// Fewest points that a power law is drawn through.
const FEWEST: usize = 3;

/// The line of log L in log C through the envelope of the runs that are present.
pub(super) fn loss_line(points: &[EnvelopePoint], present: impl Fn(usize) -> bool) -> Option<Line> {
    let best = envelope(points, present);
    let loss = line(best.iter().map(|p| (p.log_flops, p.log_loss)));
    (best.len() >= FEWEST && loss.slope < 0.0).then_some(loss)
}

/// The best point of each bin, where larger and smaller sizes were measured beside it and nothing cheaper is as good.
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
