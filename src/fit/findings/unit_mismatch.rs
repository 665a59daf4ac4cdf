//! Architectures whose numbers are in another unit than those of the others.
//!
//! The whole table looks right where one architecture alone has its tokens in millions, and its multiplier comes out a
//! million times off. Runs are therefore compared with those of the first architecture that have about their loss, at which
//! a better architecture has a few times fewer N, D and C, and never [`FAR`] times. Where no losses are alike, tokens per
//! parameter are compared, which a study at another scale leaves as they are.

use super::measurement::{Measurement, Quantity, by_arm};
use super::robust::median;
use super::unit_finding::UnitFinding;

/// How many times as much is taken for another unit: the smallest in use, thousands, is ten times as much.
const FAR: f64 = 100.0;
/// Most that losses may differ to be alike, in their logarithm.
const ALIKE: f64 = 0.05;
/// Fewest runs with a like one, from which their median says something.
const FEWEST: usize = 3;

/// An architecture's runs, the least loss first.
type Arm<'a> = (&'a str, Vec<Measurement<'a>>);

/// Finds the architectures that differ in one of these quantities; if in none, those that differ in tokens per parameter.
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
        .flat_map(|of| mismatches(&arms, *of, |arm| of_like_runs(first, arm, *of)))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let of = Quantity::TokensPerParam;
    let in_median_run =
        |(_, runs): &Arm<'a>| Some(median(runs.iter().map(|run| of.of(run).ln()).collect()));
    mismatches(&arms, of, in_median_run)
}

/// The logarithm of how many times as much an architecture has as the first, in the median of its runs that have a like one.
fn of_like_runs(first: &Arm<'_>, arm: &Arm<'_>, of: Quantity) -> Option<f64> {
    let times =
        |run: &Measurement<'_>| Some((of.of(run) / of.of(nearest(&first.1, run.loss)?)).ln());
    let times: Vec<f64> = arm.1.iter().filter_map(times).collect();
    (times.len() >= FEWEST).then(|| median(times))
}

/// The run of about this loss, of runs in the order of their losses.
fn nearest<'a, 'b>(runs: &'b [Measurement<'a>], loss: f64) -> Option<&'b Measurement<'a>> {
    let above = runs.partition_point(|run| run.loss < loss);
    let far = |run: &Measurement<'_>| (run.loss / loss).ln().abs();
    let near = runs[above.saturating_sub(1)..]
        .iter()
        .take(2)
        .min_by(|a, b| far(a).total_cmp(&far(b)))?;
    (far(near) <= ALIKE).then_some(near)
}

/// Architectures that lie far from the middle one. Of two it is the one that has less: units that are written are larger.
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
