//! Detection of numbers in another unit than expected.

use super::losses_in_bits::losses_in_bits;
use super::measurement::{Measurement, Quantity, by_arm};
use super::robust::median;
use super::unit_finding::{MAX_LOSS, UnitFinding};
use super::unit_mismatch::unit_mismatches;

/// Smallest plausible maximum of parameters or tokens. Scaling laws are not measured with smaller
/// runs.
const MIN_COUNT: f64 = 1e4;
/// Largest plausible factor between 6·N·D and FLOPs: embeddings and attention cause 2 to 3 in small
/// models.
const FACTOR: f64 = 10.0;

/// Looks for numbers in another unit. `measured` lists those of N, D and C that do not follow from
/// the others.
pub fn unit_findings<'a>(runs: &[Measurement<'a>], measured: &[Quantity]) -> Vec<UnitFinding<'a>> {
    let both = [Quantity::Flops, Quantity::Tokens]
        .iter()
        .all(|quantity| measured.contains(quantity));
    let small = [Quantity::Params, Quantity::Tokens].map(|quantity| small(runs, quantity));
    large_losses(runs)
        .into_iter()
        .chain(losses_in_bits(runs))
        .chain(small.into_iter().flatten())
        .chain(flops_over_6nd(runs).filter(|_| both))
        .chain(unit_mismatches(runs, measured))
        .collect()
}

fn large_losses<'a>(runs: &[Measurement<'a>]) -> Option<UnitFinding<'a>> {
    let arms = by_arm(runs);
    let middle = |members: &[usize]| median(members.iter().map(|run| runs[*run].loss).collect());
    let large: Vec<(&str, f64)> = arms
        .iter()
        .map(|(arm, members)| (*arm, middle(members)))
        .filter(|(_, loss)| *loss > MAX_LOSS)
        .collect();
    let (first, loss) = *large.first()?;
    let arm = (large.len() < arms.len()).then_some(first);
    Some(UnitFinding::LargeLosses { loss, arm })
}

fn small<'a>(runs: &[Measurement<'a>], quantity: Quantity) -> Option<UnitFinding<'a>> {
    let most = runs.iter().map(|run| quantity.of(run)).fold(0.0, f64::max);
    (most < MIN_COUNT && most > 0.0).then_some(UnitFinding::Small { quantity, most })
}

fn flops_over_6nd<'a>(runs: &[Measurement<'a>]) -> Option<UnitFinding<'a>> {
    let ratio = median(runs.iter().map(Measurement::flops_over_6nd).collect());
    let is_far = ratio.is_finite() && !(1.0 / FACTOR..=FACTOR).contains(&ratio);
    is_far.then_some(UnitFinding::FlopsOver6nd(ratio))
}
