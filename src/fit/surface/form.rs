//! Surface L(N, D) = E + A·N^-α + B·D^-β, and its reliability.

use serde::{Deserialize, Serialize};

/// Run: natural logarithms of parameters, tokens and nats/token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfacePoint {
    /// log N.
    pub log_n: f64,
    /// log D.
    pub log_d: f64,
    /// log L.
    pub log_loss: f64,
}

impl SurfacePoint {
    /// Creates a point from N parameters, D tokens and L nats/token.
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
    /// Returns the loss of N parameters trained on D tokens, nats/token.
    pub fn loss(&self, n: f64, d: f64) -> f64 {
        self.at(n.ln(), d.ln())
    }

    /// Returns the loss at log N and log D, nats/token.
    pub(crate) fn at(&self, log_n: f64, log_d: f64) -> f64 {
        let term = |factor: f64, exponent: f64, log: f64| factor * (-exponent * log).exp();
        self.e + term(self.a, self.alpha, log_n) + term(self.b, self.beta, log_d)
    }

    /// Returns p in N* ∝ C^p if a token costs 6N.
    pub(crate) fn n_exponent(&self) -> f64 {
        self.beta / (self.alpha + self.beta)
    }
}

/// Surface, with details of the fit.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceFit {
    /// Estimate.
    pub surface: Surface,
    /// Value of the objective at the estimate.
    pub objective_value: f64,
    /// Scale σ of the residuals in log loss, for the likelihood only.
    pub sigma: Option<f64>,
    /// Number of starts that were searched from.
    pub starts: usize,
    /// Number of starts that ended within 1% of the best objective. If few did, the best may have
    /// been missed.
    pub near_best: usize,
    /// Reliability of the surface.
    pub status: SurfaceStatus,
}

/// Reliability of a surface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SurfaceStatus {
    /// All parameters are positive.
    Interior,
    /// The best values of some parameters are below zero. They are set to zero, and the others are
    /// fitted without them. A term with a zero factor has a zero exponent too.
    AtBound {
        /// Parameters at zero.
        parameters: Vec<SurfaceParameter>,
    },
}

/// Parameter of a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub enum SurfaceParameter {
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

/// Formats the symbols of parameters, such as `E, α`.
pub fn symbols(parameters: &[SurfaceParameter]) -> String {
    let symbols: Vec<&str> = parameters.iter().map(|of| of.symbol()).collect();
    symbols.join(", ")
}

impl SurfaceParameter {
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
