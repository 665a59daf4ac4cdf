//! Numbers that are not in the unit that they are read in.

use super::losses_in_bits::losses_in_bits;
use super::measurement::{Measurement, Quantity, by_arm};
use super::robust::median;
use super::unit_mismatch::unit_mismatches;

/// Largest loss, nats/token: guessing among three million tokens costs as much, and no vocabulary is so large.
pub const MOST_LOSS: f64 = 15.0;
/// A model of fewer parameters is none that anyone measures a law with.
const LEAST_PARAMS: f64 = 1e4;
/// How far 6·N·D may be from FLOPs, as a factor: embeddings and attention make 2 to 3 of small models.
const FACTOR: f64 = 10.0;

/// A sign that numbers are in another unit.
#[derive(Clone, Debug, PartialEq)]
pub enum UnitFinding<'a> {
    /// Losses are above [`MOST_LOSS`], as perplexities are.
    LargeLosses {
        /// That of the median run.
        loss: f64,
        /// The first architecture that has them, where others have not.
        arm: Option<&'a str>,
    },
    /// Some losses are 1/ln 2 times those of runs like them: in bits, where the others are in nats.
    LossesInBits {
        /// The places of their runs.
        runs: Vec<usize>,
        /// The losses over those of the others.
        times: f64,
    },
    /// Parameters or tokens are too few in all runs to be counted in ones.
    Small {
        /// Which.
        quantity: Quantity,
        /// The largest value.
        most: f64,
    },
    /// C/6ND of the median run is far from 1.
    FlopsOver6nd(f64),
    /// An architecture has many times as much as the others, or many times less.
    Mismatch {
        /// The architecture.
        arm: &'a str,
        /// Of what: tokens per parameter in the median run, anything else at like losses.
        quantity: Quantity,
        /// The architectures that are alike.
        others: Vec<&'a str>,
        /// How many times as much.
        times: f64,
    },
}

/// Looks for other units. `measured` says which of N, D and C do not follow from the others.
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
        .filter(|(_, loss)| *loss > MOST_LOSS)
        .collect();
    let (first, loss) = *large.first()?;
    let arm = (large.len() < arms.len()).then_some(first);
    Some(UnitFinding::LargeLosses { loss, arm })
}

fn small<'a>(runs: &[Measurement<'a>], quantity: Quantity) -> Option<UnitFinding<'a>> {
    let most = runs.iter().map(|run| quantity.of(run)).fold(0.0, f64::max);
    (most < LEAST_PARAMS && most > 0.0).then_some(UnitFinding::Small { quantity, most })
}

fn flops_over_6nd<'a>(runs: &[Measurement<'a>]) -> Option<UnitFinding<'a>> {
    let ratio = median(runs.iter().map(Measurement::flops_over_6nd).collect());
    let is_far = ratio.is_finite() && !(1.0 / FACTOR..=FACTOR).contains(&ratio);
    is_far.then_some(UnitFinding::FlopsOver6nd(ratio))
}
