//! Runs as they were measured.

use super::super::by_key::by_key;
use super::super::convention::six_nd;
use super::robust::Point;

/// A run as it was measured: what is known of it before it has the budget, size and seed of an
/// [`Observation`](crate::Observation). Numbers are positive and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement<'a> {
    /// The architecture's name.
    pub arm: &'a str,
    /// N.
    pub params: f64,
    /// D.
    pub tokens: f64,
    /// C, FLOPs.
    pub flops: f64,
    /// L, nats/token.
    pub loss: f64,
}

/// A quantity that runs have, and that may be in a wrong unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// N.
    Params,
    /// D.
    Tokens,
    /// C.
    Flops,
    /// D/N.
    TokensPerParam,
}

impl Measurement<'_> {
    /// The run as a point of a surface.
    pub(super) fn point(&self) -> Point {
        [self.params.ln(), self.tokens.ln(), self.loss.ln()]
    }

    /// C/6ND.
    pub(super) fn flops_over_6nd(&self) -> f64 {
        self.flops / six_nd(self.params, self.tokens)
    }
}

impl Quantity {
    /// The value that a run has of it.
    pub(super) fn of(self, run: &Measurement<'_>) -> f64 {
        match self {
            Self::Params => run.params,
            Self::Tokens => run.tokens,
            Self::Flops => run.flops,
            Self::TokensPerParam => run.tokens / run.params,
        }
    }
}

/// The places of each arm's runs; arms are in the order in which they appear.
pub(super) fn by_arm<'a>(runs: &[Measurement<'a>]) -> Vec<(&'a str, Vec<usize>)> {
    by_key(0..runs.len(), |run| runs[*run].arm)
}
