//! Robust surface of losses, from which wrong values deviate: log L as a quadratic in log N and log
//! D, fitted so that a minority of wrong values cannot bend it (iteratively reweighted least
//! squares; first by absolute deviations, then by Tukey's biweight, Beaton and Tukey 1974,
//! doi:10.1080/00401706.1974.10489171).

use nalgebra::SVector;

use super::super::least_squares::least_squares;
use super::super::numbers::{mean, rms};

/// Logarithms of a run: log N, log D, log L.
pub(super) type Point = [f64; 3];

/// Terms of the quadratic: 1, n, d, n², nd, d².
type Terms = SVector<f64, 6>;

/// Fewest points for a fit of the six terms. With fewer, a median replaces the surface.
pub(super) const FEWEST: usize = 12;
/// Rounds of each kind of reweighting.
const ROUNDS: usize = 8;
/// Ridge as a share of the weights. It keeps the normal equations solvable if D follows from N.
const RIDGE: f64 = 1e-9;

/// Returns log L of each point minus that of the surface.
pub(super) fn residuals(points: &[Point]) -> Vec<f64> {
    quadratic_residuals(points).unwrap_or_else(|| {
        let middle = median(points.iter().map(|[_, _, l]| *l).collect());
        points.iter().map(|[_, _, l]| l - middle).collect()
    })
}

fn quadratic_residuals(points: &[Point]) -> Option<Vec<f64>> {
    if points.len() < FEWEST {
        return None;
    }
    let terms = terms(points);
    let mut weights = vec![1.0; points.len()];
    let mut residuals = Vec::new();
    for round in 0..2 * ROUNDS {
        let rows = terms.iter().zip(points).zip(&weights);
        let ridge = RIDGE * weights.iter().sum::<f64>();
        let coefficients = least_squares(rows.map(|((t, [_, _, l]), w)| (*t, *l, *w)), ridge)?;
        residuals = terms
            .iter()
            .zip(points)
            .map(|(t, [_, _, l])| l - t.dot(&coefficients))
            .collect();
        let scale = spread(&residuals).max(1e-6);
        for (weight, r) in weights.iter_mut().zip(&residuals) {
            *weight = if round < ROUNDS {
                scale / r.abs().max(0.1 * scale)
            } else {
                biweight(r / (6.0 * scale))
            };
        }
    }
    Some(residuals)
}

/// Estimates the standard deviation of the majority: 1.4826 times the median absolute value.
pub(super) fn spread(residuals: &[f64]) -> f64 {
    1.4826 * median(residuals.iter().map(|r| r.abs()).collect())
}

/// Returns the upper median. NaN without values.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn biweight(x: f64) -> f64 {
    if x.abs() < 1.0 {
        (1.0 - x * x).powi(2)
    } else {
        0.0
    }
}

/// Returns the terms of each point, with log N and log D scaled to mean 0 and standard deviation 1.
fn terms(points: &[Point]) -> Vec<Terms> {
    let scaled = |axis: usize| {
        let mean = mean(points.iter().map(|p| p[axis]));
        (mean, rms(points.iter().map(|p| p[axis] - mean)).max(1e-9))
    };
    let ((n_mean, n_sd), (d_mean, d_sd)) = (scaled(0), scaled(1));
    let of = |p: &Point| {
        let (n, d) = ((p[0] - n_mean) / n_sd, (p[1] - d_mean) / d_sd);
        Terms::from([1.0, n, d, n * n, n * d, d * d])
    };
    points.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<Point> {
        let law = |n: f64, d: f64| 1.7 + 400.0 / n.powf(0.34) + 410.0 / d.powf(0.28);
        let points =
            (0..6).flat_map(|i| (0..6).map(move |j| (1e7 * 3f64.powi(i), 1e9 * 2f64.powi(j))));
        points
            .map(|(n, d)| [n.ln(), d.ln(), law(n, d).ln()])
            .collect()
    }

    #[test]
    fn a_law_is_followed_closely() {
        assert!(
            residuals(&grid()).iter().all(|r| r.abs() < 0.01),
            "{:?}",
            residuals(&grid())
        );
    }

    #[test]
    fn a_minority_cannot_bend_it() {
        let mut points = grid();
        for wrong in [3, 17, 35, 20, 0] {
            points[wrong][2] += 1.0;
        }
        for (place, r) in residuals(&points).iter().enumerate() {
            let wrong = [3, 17, 35, 20, 0].contains(&place);
            assert!(
                if wrong {
                    (r - 1.0).abs() < 0.1
                } else {
                    r.abs() < 0.05
                },
                "{place}: {r}"
            );
        }
    }

    /// Fits points whose D follows from N, so that the terms are collinear.
    #[test]
    fn a_line_of_points_is_followed_too() {
        let points: Vec<Point> = (0..20)
            .map(|i| [f64::from(i), f64::from(i) + 3.0, -0.1 * f64::from(i)])
            .collect();
        assert!(residuals(&points).iter().all(|r| r.abs() < 1e-3));
    }
}
