//! Signs of other units.

use super::measurement::Quantity;

/// Largest loss, nats/token: guessing among three million tokens costs as much, and no vocabulary is so large.
pub const MOST_LOSS: f64 = 15.0;

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
