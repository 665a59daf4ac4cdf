//! Targets of suggestions, and their gradients with respect to the surfaces.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::arm_estimate::ArmEstimate;
use super::super::path;
use super::super::per_token::PerToken;
use super::super::surface::Surface;
use super::design::{NoisySurface, Row};

/// Quantity to estimate more precisely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// log(C_baseline/C_variant) at one compute of the baseline.
    #[default]
    Multiplier,
    /// α, the exponent of N.
    Alpha,
    /// β, the exponent of D.
    Beta,
    /// p in N* ∝ C^p; β/(α+β) if a token costs 6N.
    NExponent,
}

impl Target {
    /// Returns the name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Multiplier => "multiplier",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::NExponent => "N* exponent",
        }
    }

    /// Returns an exponent of one surface. `None` for the multiplier, which takes two surfaces.
    pub(super) fn exponent(self, surface: &Surface) -> Option<f64> {
        match self {
            Self::Multiplier => None,
            Self::Alpha => Some(surface.alpha),
            Self::Beta => Some(surface.beta),
            Self::NExponent => Some(surface.n_exponent()),
        }
    }

    /// Returns ∇t of an exponent with respect to θ.
    pub(super) fn of_exponent(self, Surface { alpha, beta, .. }: &Surface) -> Row {
        let sum = (alpha + beta).powi(2);
        let (by_alpha, by_beta) = match self {
            Self::Multiplier => (0.0, 0.0),
            Self::Alpha => (1.0, 0.0),
            Self::Beta => (0.0, 1.0),
            Self::NExponent => (-beta / sum, alpha / sum),
        };
        Row::from([0.0, 0.0, 0.0, by_alpha, by_beta])
    }
}

/// Returns ∇t of t = log C - log C₂(L₁*(C)) with respect to the θ of both arms.
///
/// By the envelope theorem, L* changes with θ as L does with N and D fixed at the optimum. There
/// dL*/dlog C = -βB·D^-β, because more compute acts through D only (C = f(N)·D). With
/// b₂ = β₂B₂·D₂^-β₂ this gives ∂t/∂θ₁ = ∂L₁/∂θ₁ / b₂ and ∂t/∂θ₂ = -∂L₂/∂θ₂ / b₂.
pub(super) fn of_multiplier(
    arms: [&NoisySurface; 2],
    costs: [&PerToken; 2],
    other: &ArmEstimate,
    flops: f64,
) -> Option<Vec<Row>> {
    let place = path::optimum(&arms[0].surface, costs[0], flops.ln())?;
    let loss = arms[0].surface.loss(place.0.exp(), place.1.exp());
    let second = path::optimum(&arms[1].surface, costs[1], other.law.flops(loss)?.ln())?;
    let Surface { b, beta, .. } = arms[1].surface;
    let slope = beta * b * (-beta * second.1).exp();
    Some(vec![
        arms[0].row(place) * (loss / slope),
        arms[1].row(second) * (-loss / slope),
    ])
}
