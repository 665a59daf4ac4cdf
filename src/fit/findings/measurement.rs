//! Measurements of runs.

use super::super::by_key::group_by_key;
use super::super::convention::six_nd;
use super::robust::Point;

/// Measurements of one run, before it has the budget, size and seed of an
/// [`Observation`](crate::Observation). Numbers are positive and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement<'a> {
    /// Name of the architecture.
    pub arm: &'a str,
    /// N, parameters.
    pub params: f64,
    /// D, tokens.
    pub tokens: f64,
    /// C, FLOPs.
    pub flops: f64,
    /// L, nats/token.
    pub loss: f64,
}

/// Quantity of a run that may be in a wrong unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// N, parameters.
    Params,
    /// D, tokens.
    Tokens,
    /// C, FLOPs.
    Flops,
    /// D/N.
    TokensPerParam,
}

impl Measurement<'_> {
    /// Returns the run as a point of a surface.
    pub(super) fn point(&self) -> Point {
        [self.params.ln(), self.tokens.ln(), self.loss.ln()]
    }

    /// Returns C/6ND.
    pub(super) fn flops_over_6nd(&self) -> f64 {
        self.flops / six_nd(self.params, self.tokens)
    }
}

impl Quantity {
    /// Returns the value of a run.
    pub(super) fn of(self, run: &Measurement<'_>) -> f64 {
        match self {
            Self::Params => run.params,
            Self::Tokens => run.tokens,
            Self::Flops => run.flops,
            Self::TokensPerParam => run.tokens / run.params,
        }
    }
}

/// Returns the indices of each arm's runs. Arms are in order of first appearance.
pub(super) fn by_arm<'a>(runs: &[Measurement<'a>]) -> Vec<(&'a str, Vec<usize>)> {
    group_by_key(0..runs.len(), |run| runs[*run].arm)
}
