//! Detection of architectures whose numbers are in another unit than those of the others.
//!
//! If one architecture has its tokens in millions, the table looks right, but the multiplier is
//! wrong by a factor of a million. Each run is therefore compared with a run of the first
//! architecture at about the same loss. There a better architecture has a few times fewer N, D and
//! C, but never [`FAR`] times. If no losses are similar, tokens per parameter are compared, which
//! do not depend on the scale of a study.

use super::measurement::{Measurement, Quantity, by_arm};
use super::robust::median;
use super::unit_finding::UnitFinding;

/// Smallest ratio that indicates another unit. The smallest unit in use, thousands, gives ten times
/// this ratio.
const FAR: f64 = 100.0;
/// Largest difference of similar losses, in their logarithm.
const SIMILAR: f64 = 0.05;
/// Fewest runs with a similar run in the first architecture, for a meaningful median.
const FEWEST: usize = 3;

/// Name and runs of an architecture, lowest loss first.
type Arm<'a> = (&'a str, Vec<Measurement<'a>>);

/// Finds the architectures that differ in one of these quantities, or else those that differ in
/// tokens per parameter.
pub(super) fn unit_mismatches<'a>(
    runs: &[Measurement<'a>],
    quantities: &[Quantity],
) -> Vec<UnitFinding<'a>> {
    let arms: Vec<Arm<'a>> = by_arm(runs)
        .into_iter()
        .map(|(arm, members)| {
            let mut own: Vec<_> = members.into_iter().map(|run| runs[run]).collect();
            own.sort_by(|a, b| a.loss.total_cmp(&b.loss));
            (arm, own)
        })
        .collect();
    let [first, _, ..] = arms.as_slice() else {
        return Vec::new();
    };
    let found: Vec<UnitFinding<'a>> = quantities
        .iter()
        .flat_map(|of| mismatches(&arms, *of, |arm| log_ratio_at_similar_loss(first, arm, *of)))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let of = Quantity::TokensPerParam;
    let in_median_run =
        |(_, runs): &Arm<'a>| Some(median(runs.iter().map(|run| of.of(run).ln()).collect()));
    mismatches(&arms, of, in_median_run)
}

/// Returns the log ratio of a quantity between an architecture and the first: the median over its
/// runs that have a similar run in the first. `None` with fewer than [`FEWEST`] such runs.
fn log_ratio_at_similar_loss(first: &Arm<'_>, arm: &Arm<'_>, of: Quantity) -> Option<f64> {
    let times =
        |run: &Measurement<'_>| Some((of.of(run) / of.of(nearest(&first.1, run.loss)?)).ln());
    let times: Vec<f64> = arm.1.iter().filter_map(times).collect();
    (times.len() >= FEWEST).then(|| median(times))
}

/// Returns the run with the closest loss, if the losses are similar. `runs` must be sorted by loss.
fn nearest<'a, 'b>(runs: &'b [Measurement<'a>], loss: f64) -> Option<&'b Measurement<'a>> {
    let above = runs.partition_point(|run| run.loss < loss);
    let far = |run: &Measurement<'_>| (run.loss / loss).ln().abs();
    let near = runs[above.saturating_sub(1)..]
        .iter()
        .take(2)
        .min_by(|a, b| far(a).total_cmp(&far(b)))?;
    (far(near) <= SIMILAR).then_some(near)
}

/// Finds the architectures far from the median one. Of two, it reports the one with less: units in
/// tables, such as millions, make numbers smaller.
fn mismatches<'a>(
    arms: &[Arm<'a>],
    quantity: Quantity,
    level: impl Fn(&Arm<'a>) -> Option<f64>,
) -> Vec<UnitFinding<'a>> {
    let levels: Vec<(&str, f64)> = arms
        .iter()
        .filter_map(|arm| Some((arm.0, level(arm)?)))
        .collect();
    let middle = median(levels.iter().map(|(_, level)| *level).collect());
    let (far, near): (Vec<_>, Vec<_>) = levels
        .into_iter()
        .partition(|(_, level)| (level - middle).abs() >= FAR.ln());
    let others: Vec<&str> = near.into_iter().map(|(arm, _)| arm).collect();
    far.into_iter()
        .map(|(arm, level)| UnitFinding::Mismatch {
            arm,
            quantity,
            others: others.clone(),
            times: (level - middle).exp(),
        })
        .collect()
}
