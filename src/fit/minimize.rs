//! Minimisation of a smooth function of a few variables with its gradient.
//!
//! BFGS with the weak-Wolfe bisection of Lewis and Overton (2013, doi:10.1007/s10107-012-0514-2).
//! For six variables the dense inverse Hessian has 36 numbers, fewer than L-BFGS would store, and
//! it can start from a curvature that the caller knows. The slope of the Huber objective has a kink
//! at δ, which this line search tolerates.

use nalgebra::{SMatrix, SVector};

/// Stopping rule of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopRule {
    /// Predicted decrease of a Newton step, gᵀHg/2, relative to |f|, below which the search ends.
    /// It measures the gradient in the metric of BFGS, so it needs no separate scale. Two
    /// consecutive steps that decrease f by less also end the search.
    pub(super) decrease: f64,
    /// Lower bound of |f| in that ratio. Without it, a fit without noise would never converge,
    /// because its f falls to zero.
    pub(super) floor: f64,
    /// Maximum number of evaluations.
    pub(super) evaluations: u32,
}

/// Result of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct SearchResult<const P: usize> {
    /// Point where the search ended.
    pub(super) at: SVector<f64, P>,
    /// Value of f at that point.
    pub(super) value: f64,
    /// True if it stopped because no further decrease was expected.
    pub(super) converged: bool,
}

/// Point with f and its gradient.
#[derive(Clone, Copy)]
struct GradientSample<const P: usize> {
    at: SVector<f64, P>,
    value: f64,
    gradient: SVector<f64, P>,
}

impl<const P: usize> GradientSample<P> {
    fn new(at: SVector<f64, P>, (value, gradient): (f64, SVector<f64, P>)) -> Self {
        Self {
            at,
            value,
            gradient,
        }
    }

    /// Returns the direction of descent in a metric, and the slope along it.
    fn descent(&self, inverse: &SMatrix<f64, P, P>) -> (SVector<f64, P>, f64) {
        let direction = -(inverse * self.gradient);
        (direction, direction.dot(&self.gradient))
    }

    fn minimum(&self, converged: bool) -> SearchResult<P> {
        SearchResult {
            at: self.at,
            value: self.value,
            converged,
        }
    }
}

/// Weak Wolfe condition: minimum share of the decrease predicted by the slope that a step must
/// achieve.
const SUFFICIENT: f64 = 1e-4;
/// Weak Wolfe condition: maximum share of the slope that may remain after a step.
const SLOPE_LEFT: f64 = 0.9;
/// Maximum number of halvings and doublings of a step.
const BISECTIONS: u32 = 40;

/// Minimises f from `start`. `inverse` is a positive definite approximation of the inverse Hessian
/// there. A variable whose gradient is zero and whose row of `inverse` is diagonal keeps its value,
/// even -∞.
pub(super) fn minimize<const P: usize>(
    mut f: impl FnMut(&SVector<f64, P>) -> (f64, SVector<f64, P>),
    start: SVector<f64, P>,
    inverse: SMatrix<f64, P, P>,
    stop: StopRule,
) -> SearchResult<P> {
    let mut sample = |at: SVector<f64, P>| GradientSample::new(at, f(&at));
    let mut here = sample(start);
    let (mut h, mut evaluations, mut idle, mut reset) = (inverse, 1, 0, false);
    loop {
        let (mut direction, mut slope) = here.descent(&h);
        // Rounding made H indefinite.
        if slope >= 0.0 || slope.is_nan() {
            h = inverse;
            (direction, slope) = here.descent(&h);
        }
        let enough = stop.decrease * here.value.abs().max(stop.floor);
        let converged = -slope / 2.0 <= enough || idle >= 2;
        if converged || evaluations >= stop.evaluations || !slope.is_finite() {
            return here.minimum(converged);
        }
        let found = search(&mut sample, &here, &direction, slope, &mut evaluations);
        let Some((step, next)) = found else {
            // Rounding hides the decrease along a direction of an inaccurate H. Retry once with the
            // initial metric.
            if reset {
                return here.minimum(-slope <= 1e3 * enough);
            }
            (h, reset) = (inverse, true);
            continue;
        };
        let is_idle = here.value - next.value <= enough;
        idle = if is_idle { idle + 1 } else { 0 };
        let turn = next.gradient - here.gradient;
        update(&mut h, &(direction * step), &turn);
        (here, reset) = (next, false);
    }
}

/// Finds a step that satisfies the weak Wolfe conditions, or else the last one that decreases f.
fn search<const P: usize>(
    sample: &mut impl FnMut(SVector<f64, P>) -> GradientSample<P>,
    here: &GradientSample<P>,
    direction: &SVector<f64, P>,
    slope: f64,
    evaluations: &mut u32,
) -> Option<(f64, GradientSample<P>)> {
    let (mut low, mut high, mut step) = (0.0, f64::INFINITY, 1.0);
    let mut best = None;
    for _ in 0..BISECTIONS {
        let next = sample(here.at + direction * step);
        *evaluations += 1;
        // A step to NaN or infinity is too long.
        let falls = next.value <= here.value + SUFFICIENT * step * slope
            && next.gradient.iter().all(|g| g.is_finite());
        if !falls {
            high = step;
        } else {
            (best, low) = (Some((step, next)), step);
            if next.gradient.dot(direction) >= SLOPE_LEFT * slope {
                break;
            }
        }
        step = if high.is_finite() {
            (low + high) / 2.0
        } else {
            2.0 * low
        };
    }
    best
}

/// Updates the inverse Hessian by BFGS (Nocedal and Wright 2006, eq. 6.17).
fn update<const P: usize>(h: &mut SMatrix<f64, P, P>, s: &SVector<f64, P>, y: &SVector<f64, P>) {
    let sy = s.dot(y);
    // The weak Wolfe conditions make it positive. A step that only decreased f has no information
    // about the curvature.
    if sy.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return;
    }
    let hy = *h * y;
    let factor = (1.0 + y.dot(&hy) / sy) / sy;
    for j in 0..P {
        for i in 0..P {
            h[(i, j)] += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Vector2;
    use proptest::prelude::*;

    use super::*;

    const STOP: StopRule = StopRule {
        decrease: 1e-12,
        floor: 1e-12,
        evaluations: 2000,
    };

    fn rosenbrock(x: &Vector2<f64>) -> (f64, Vector2<f64>) {
        let (u, v) = (1.0 - x[0], x[1] - x[0] * x[0]);
        (
            u * u + 100.0 * v * v,
            Vector2::new(-2.0 * u - 400.0 * x[0] * v, 200.0 * v),
        )
    }

    proptest! {
        #[test]
        fn rosenbrocks_valley_is_walked_to_its_end(x in -2.0..2.0f64, y in -2.0..2.0f64) {
            let found = minimize(rosenbrock, Vector2::new(x, y), SMatrix::identity(), STOP);
            prop_assert!(found.converged, "{found:?}");
            prop_assert!((found.at - Vector2::repeat(1.0)).norm() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn a_variable_at_minus_infinity_stays_there() {
        let f = |x: &Vector2<f64>| {
            (
                (x[0] - 3.0).powi(2) + x[1].exp(),
                Vector2::new(2.0 * (x[0] - 3.0), x[1].exp()),
            )
        };
        let found = minimize(
            f,
            Vector2::new(0.0, f64::NEG_INFINITY),
            SMatrix::identity(),
            STOP,
        );
        assert!(
            (found.at[0] - 3.0).abs() < 1e-6 && found.at[1] == f64::NEG_INFINITY,
            "{found:?}"
        );
    }
}
