//! Objective of a surface fit, and its gradient.

use nalgebra::{SMatrix, SVector};
use serde::Serialize;

use super::super::numbers::mean;
use super::{Surface, SurfacePoint};

/// Indices of the parameters in a vector: log A' and log B' (see [`SurfaceProblem`]), log E, α, β,
/// log σ.
pub(super) const LOG_A: usize = 0;
pub(super) const LOG_B: usize = 1;
pub(super) const LOG_E: usize = 2;
pub(super) const ALPHA: usize = 3;
pub(super) const BETA: usize = 4;
pub(super) const LOG_SIGMA: usize = 5;

/// Vector of all parameters.
pub(super) type Theta = SVector<f64, 6>;

/// Objective that is minimised: a weighted sum over runs, never a mean, of a loss of the residuals
/// r = log L̂ - log L.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Huber's loss: r²/2 within δ and δ·(|r| - δ/2) beyond (Hoffmann et al., arXiv:2203.15556,
    /// eq. 3).
    Huber {
        /// Residual in log loss at which the loss changes from quadratic to linear.
        delta: f64,
    },
    /// Least squares: r²/2.
    LeastSquares,
    /// Negative log likelihood of Student's distribution with four degrees of freedom and a free
    /// scale σ, without constants: 5/2·log(1 + r²/4σ²) + log σ. It is as robust as Huber's loss,
    /// but the runs determine the scale at which outliers begin, which δ fixes. Lange, Little and
    /// Taylor (1989, doi:10.1080/01621459.1989.10478852) recommend four degrees of freedom, because
    /// so few runs do not determine them.
    Likelihood,
}

impl Default for Objective {
    /// Returns the objective of Hoffmann et al.: Huber's loss with δ = 1e-3.
    fn default() -> Self {
        Self::Huber { delta: 1e-3 }
    }
}

impl Objective {
    /// Returns the number of fitted parameters, including the scale.
    pub(super) fn parameters(self) -> usize {
        if self == Self::Likelihood { 6 } else { 5 }
    }
}

/// Degrees of freedom of Student's distribution.
const NU: f64 = 4.0;

/// Smallest scale. Without noise, the likelihood grows without bound as σ falls. Losses are rarely
/// known to a millionth.
const LEAST_SIGMA: f64 = 1e-6;

/// Contribution of one residual to the objective.
#[derive(Clone, Copy)]
struct ResidualShare {
    value: f64,
    /// Derivative with respect to the residual.
    slope: f64,
    /// slope/r, the weight of the residual in least squares, which gives the curvature.
    weight: f64,
    /// Derivative with respect to log σ.
    scale: f64,
}

/// Points, weights and objective of a fit.
///
/// Logarithms of N and D are centred: the terms are A'·(N/N₀)^-α and B'·(D/D₀)^-β with N₀, D₀ the
/// geometric means. A' and α are then nearly uncorrelated. Without centring, log A would change by
/// log N₀ ≈ 20 for each unit of α.
#[derive(Clone, Copy)]
pub(super) struct SurfaceProblem<'a> {
    pub(super) points: &'a [SurfacePoint],
    pub(super) weights: &'a [f64],
    pub(super) objective: Objective,
    /// log N₀.
    pub(super) log_n: f64,
    /// log D₀.
    pub(super) log_d: f64,
}

impl<'a> SurfaceProblem<'a> {
    pub(super) fn new(
        points: &'a [SurfacePoint],
        weights: &'a [f64],
        objective: Objective,
    ) -> Self {
        Self {
            points,
            weights,
            objective,
            log_n: mean(points.iter().map(|p| p.log_n)),
            log_d: mean(points.iter().map(|p| p.log_d)),
        }
    }

    /// Returns the vector of a surface. A term that is zero has the logarithm -∞ and stays out of
    /// the fit.
    pub(super) fn theta(&self, s: &Surface, sigma: f64) -> Theta {
        let log_a = s.a.ln() - s.alpha * self.log_n;
        let log_b = s.b.ln() - s.beta * self.log_d;
        Theta::from([log_a, log_b, s.e.ln(), s.alpha, s.beta, sigma.ln()])
    }

    /// Returns the surface of a vector.
    pub(super) fn surface(&self, x: &Theta) -> Surface {
        Surface {
            e: x[LOG_E].exp(),
            a: (x[LOG_A] + x[ALPHA] * self.log_n).exp(),
            b: (x[LOG_B] + x[BETA] * self.log_d).exp(),
            alpha: x[ALPHA],
            beta: x[BETA],
        }
    }

    /// Returns the objective and its gradient.
    pub(super) fn evaluate(&self, x: &Theta) -> (f64, Theta) {
        // Match once for all runs.
        match self.objective {
            Objective::Huber { delta } => self.sum(x, |r| huber(r, delta)),
            Objective::LeastSquares => self.sum(x, square),
            Objective::Likelihood => {
                let free = (2.0 * x[LOG_SIGMA]).exp();
                let variance = free + LEAST_SIGMA * LEAST_SIGMA;
                let log_sigma = 0.5 * variance.ln();
                self.sum(x, |r| student(r, variance, log_sigma, free / variance))
            }
        }
    }

    #[inline]
    fn sum(&self, x: &Theta, share: impl Fn(f64) -> ResidualShare) -> (f64, Theta) {
        let e = x[LOG_E].exp();
        let (mut value, mut gradient) = (0.0, Theta::zeros());
        for (point, w) in self.points.iter().zip(self.weights) {
            let (n, d) = (point.log_n - self.log_n, point.log_d - self.log_d);
            // Centred terms are of the order of the loss, so the exponentials need no common
            // factor.
            let a = (x[LOG_A] - x[ALPHA] * n).exp();
            let b = (x[LOG_B] - x[BETA] * d).exp();
            let loss = e + a + b;
            let s = share(loss.ln() - point.log_loss);
            value += w * s.value;
            let g = w * s.slope / loss;
            gradient[LOG_A] += g * a;
            gradient[LOG_B] += g * b;
            gradient[LOG_E] += g;
            gradient[ALPHA] -= g * a * n;
            gradient[BETA] -= g * b * d;
            gradient[LOG_SIGMA] += w * s.scale;
        }
        gradient[LOG_E] *= e;
        (value, gradient)
    }

    /// Returns the largest contribution of a term, named by its factor, to the loss of a run,
    /// nats/token.
    pub(super) fn largest(&self, x: &Theta, factor: usize) -> f64 {
        let term = |p: &SurfacePoint| match factor {
            LOG_A => x[LOG_A] - x[ALPHA] * (p.log_n - self.log_n),
            _ => x[LOG_B] - x[BETA] * (p.log_d - self.log_d),
        };
        self.points
            .iter()
            .map(term)
            .fold(f64::NEG_INFINITY, f64::max)
            .exp()
    }

    /// Returns the inverse of the curvature in iteratively reweighted least squares (each residual
    /// weighted by slope/r), with which the search starts. Its steps are never too long, because
    /// Huber's loss and Student's are below those parabolas.
    pub(super) fn inverse_curvature(&self, x: &Theta) -> SMatrix<f64, 6, 6> {
        let mut curvature = SMatrix::<f64, 6, 6>::zeros();
        let e = x[LOG_E].exp();
        let variance = (2.0 * x[LOG_SIGMA]).exp() + LEAST_SIGMA * LEAST_SIGMA;
        let mut runs = 0.0;
        for (point, w) in self.points.iter().zip(self.weights) {
            let (n, d) = (point.log_n - self.log_n, point.log_d - self.log_d);
            let a = (x[LOG_A] - x[ALPHA] * n).exp();
            let b = (x[LOG_B] - x[BETA] * d).exp();
            let loss = e + a + b;
            let r = loss.ln() - point.log_loss;
            let s = match self.objective {
                Objective::Huber { delta } => huber(r, delta),
                Objective::LeastSquares => square(r),
                Objective::Likelihood => student(r, variance, 0.0, 1.0),
            };
            let row = Theta::from([
                a / loss,
                b / loss,
                e / loss,
                -a * n / loss,
                -b * d / loss,
                0.0,
            ]);
            curvature.ger(w * s.weight, &row, &row, 1.0);
            runs += w;
        }
        // A run has the information 2ν/(ν + 3) about log σ.
        curvature[(LOG_SIGMA, LOG_SIGMA)] = 2.0 * NU / (NU + 3.0) * runs;
        inverse(curvature)
    }
}

/// Inverts a curvature whose row may be zero for a missing term.
fn inverse(mut curvature: SMatrix<f64, 6, 6>) -> SMatrix<f64, 6, 6> {
    // This ridge allows the inversion if a term is missing or two terms are almost collinear. It is
    // too small to matter otherwise.
    let most = (0..5).map(|i| curvature[(i, i)]).fold(0.0, f64::max);
    for i in 0..6 {
        curvature[(i, i)] += 1e-9 * most;
        if curvature[(i, i)] == 0.0 {
            curvature[(i, i)] = 1.0;
        }
    }
    curvature
        .cholesky()
        .map_or_else(SMatrix::identity, |c| c.inverse())
}

#[inline]
fn huber(r: f64, delta: f64) -> ResidualShare {
    let size = r.abs();
    if size <= delta {
        return square(r);
    }
    let value = delta * (size - 0.5 * delta);
    ResidualShare {
        value,
        slope: delta.copysign(r),
        weight: delta / size,
        scale: 0.0,
    }
}

#[inline]
fn square(r: f64) -> ResidualShare {
    ResidualShare {
        value: 0.5 * r * r,
        slope: r,
        weight: 1.0,
        scale: 0.0,
    }
}

/// Evaluates a residual under Student's distribution. `share` is the derivative of log σ with
/// respect to the parameter, below 1 near the smallest scale.
#[inline]
fn student(r: f64, variance: f64, log_sigma: f64, share: f64) -> ResidualShare {
    let weight = (NU + 1.0) / (NU * variance + r * r);
    ResidualShare {
        value: 0.5 * (NU + 1.0) * (r * r / (NU * variance)).ln_1p() + log_sigma,
        slope: weight * r,
        weight,
        scale: share * (1.0 - weight * r * r),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Gradients match central differences.
        #[test]
        fn gradients_are_those_of_the_values(
            terms in (-1.0..1.0f64, -1.0..1.0f64, -1.0..1.0f64),
            exponents in (0.05..1.0f64, 0.05..1.0f64),
            log_sigma in -7.0..0.0f64,
            noise in prop::collection::vec((-0.3..0.3f64, 0.0..3.0f64), 30),
        ) {
            let points: Vec<SurfacePoint> = noise.iter().enumerate().map(|(i, (r, _))| SurfacePoint {
                log_n: 16.0 + 0.8 * (i % 6) as f64,
                log_d: 20.0 + 1.1 * (i / 6) as f64,
                log_loss: 1.1 + r,
            }).collect();
            let weights: Vec<f64> = noise.iter().map(|(_, w)| *w).collect();
            let x = Theta::from([terms.0, terms.1, terms.2, exponents.0, exponents.1, log_sigma]);
            for objective in [Objective::Huber { delta: 0.1 }, Objective::LeastSquares, Objective::Likelihood] {
                let problem = SurfaceProblem::new(&points, &weights, objective);
                let (_, gradient) = problem.evaluate(&x);
                for i in 0..6 {
                    let value = |by: f64| { let mut y = x; y[i] += by; problem.evaluate(&y).0 };
                    let h = 1e-5;
                    let difference = (value(h) - value(-h)) / (2.0 * h);
                    let close = (gradient[i] - difference).abs() <= 1e-4 * (1.0 + gradient.norm());
                    prop_assert!(close, "{objective:?} {i}: {} and {difference}", gradient[i]);
                }
            }
        }

        /// A surface is unchanged by conversion to a vector and back.
        #[test]
        fn a_surface_survives_its_vector(e in 0.1..3.0f64, a in 1.0..1e4f64, alpha in 0.05..1.0f64) {
            let points = [SurfacePoint { log_n: 18.0, log_d: 21.0, log_loss: 1.0 }, SurfacePoint { log_n: 20.0, log_d: 24.0, log_loss: 0.9 }];
            let problem = SurfaceProblem::new(&points, &[1.0, 1.0], Objective::default());
            let surface = Surface { e, a, b: 2.0 * a, alpha, beta: alpha / 2.0 };
            let back = problem.surface(&problem.theta(&surface, 1.0));
            prop_assert!((back.a / a - 1.0).abs() < 1e-12 && (back.e / e - 1.0).abs() < 1e-12);
            prop_assert!((back.b / surface.b - 1.0).abs() < 1e-12);
        }
    }
}
