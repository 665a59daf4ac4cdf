//! L(N, D) = E + A·N^-α + B·D^-β, and how far one can be trusted.

use serde::{Deserialize, Serialize};

/// A run: natural logarithms of parameters, tokens and nats/token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// log N.
    pub log_n: f64,
    /// log D.
    pub log_d: f64,
    /// log L.
    pub log_loss: f64,
}

impl Point {
    /// From N parameters, D tokens and L nats/token.
    pub fn new(n: f64, d: f64, loss: f64) -> Self {
        Self {
            log_n: n.ln(),
            log_d: d.ln(),
            log_loss: loss.ln(),
        }
    }
}

/// L(N, D) = E + A·N^-α + B·D^-β.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Surface {
    /// Irreducible loss, nats/token.
    #[serde(rename = "E")]
    pub e: f64,
    /// Factor of the term in N.
    #[serde(rename = "A")]
    pub a: f64,
    /// Factor of the term in D.
    #[serde(rename = "B")]
    pub b: f64,
    /// Exponent of N.
    pub alpha: f64,
    /// Exponent of D.
    pub beta: f64,
}

impl Surface {
    /// The loss of N parameters trained on D tokens, nats/token.
    pub fn loss(&self, n: f64, d: f64) -> f64 {
        self.at(n.ln(), d.ln())
    }

    /// The same, from log N and log D.
    pub(crate) fn at(&self, log_n: f64, log_d: f64) -> f64 {
        let term = |factor: f64, exponent: f64, log: f64| factor * (-exponent * log).exp();
        self.e + term(self.a, self.alpha, log_n) + term(self.b, self.beta, log_d)
    }

    /// p in N* ∝ C^p where a token costs 6N.
    pub(crate) fn n_exponent(&self) -> f64 {
        self.beta / (self.alpha + self.beta)
    }
}

/// A surface, and how it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceFit {
    /// The estimate.
    pub surface: Surface,
    /// The objective it reaches.
    pub reached: f64,
    /// Scale σ of the residuals in log loss, where the likelihood has one.
    pub sigma: Option<f64>,
    /// Starts that were polished.
    pub polished: usize,
    /// Those of them that came within 1% of the best objective: few mean that the best may have been missed.
    pub near_best: usize,
    /// How far it can be trusted.
    pub status: SurfaceStatus,
}

/// How far a surface can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SurfaceStatus {
    /// All parameters are positive.
    Interior,
    /// The runs would have some below zero: they are zero, and the others are fitted without them. A term with no factor
    /// has no exponent either.
    AtBound {
        /// Those at zero.
        parameters: Vec<Parameter>,
    },
}

/// A parameter of a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub enum Parameter {
    /// Irreducible loss.
    E,
    /// Factor of the term in N.
    A,
    /// Factor of the term in D.
    B,
    /// Exponent of N.
    #[serde(rename = "alpha")]
    Alpha,
    /// Exponent of D.
    #[serde(rename = "beta")]
    Beta,
}

/// `E, α`
pub fn symbols(parameters: &[Parameter]) -> String {
    let symbols: Vec<&str> = parameters.iter().map(|of| of.symbol()).collect();
    symbols.join(", ")
}

impl Parameter {
    fn symbol(self) -> &'static str {
        match self {
            Self::E => "E",
            Self::A => "A",
            Self::B => "B",
            Self::Alpha => "α",
            Self::Beta => "β",
        }
    }
}
