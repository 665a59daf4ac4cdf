//! Signs of wrong units.

use super::measurement::Quantity;

/// Largest plausible loss, nats/token: that of guessing among three million tokens, more than any
/// vocabulary has.
pub const MAX_LOSS: f64 = 15.0;

/// Sign that numbers are in another unit.
#[derive(Clone, Debug, PartialEq)]
pub enum UnitFinding<'a> {
    /// Losses are above [`MAX_LOSS`], as perplexities are.
    LargeLosses {
        /// Loss of the median run.
        loss: f64,
        /// First architecture with such losses; `None` if all have them.
        arm: Option<&'a str>,
    },
    /// Some losses are 1/ln 2 times those of similar runs: in bits, where the others are in nats.
    LossesInBits {
        /// Indices of the runs in bits.
        runs: Vec<usize>,
        /// Ratio of their losses to those of the other runs.
        times: f64,
    },
    /// Parameters or tokens are too few in all runs to be plain counts.
    Small {
        /// Quantity that is too small.
        quantity: Quantity,
        /// Largest value.
        most: f64,
    },
    /// The median C/6ND is far from 1.
    FlopsOver6nd(f64),
    /// An architecture has many times more or less of a quantity than the others.
    Mismatch {
        /// Name of the architecture.
        arm: &'a str,
        /// Quantity that differs: tokens per parameter in the median run, or another one at similar
        /// losses.
        quantity: Quantity,
        /// Names of the architectures that agree.
        others: Vec<&'a str>,
        /// Ratio to the other architectures.
        times: f64,
    },
}
