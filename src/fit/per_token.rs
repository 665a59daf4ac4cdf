//! Cost of a token at each size, f(N), from exact FLOPs instead of 6N.

use nalgebra::{Matrix3, Vector3};

use super::Observation;
use super::numbers::{mean, range};

/// Cost of a token: log f is a quadratic in log N within the measured sizes, and straight beyond
/// them.
///
/// Sizes of one ladder differ in depth and width, so f is not a function of N only. The curve
/// through them is smooth, and `spread` is its largest error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PerToken {
    centre: f64,
    c: [f64; 3],
    /// log N of the smallest and the largest size.
    pub(super) ends: (f64, f64),
    /// Largest |log f̂ - log f| over the sizes.
    pub(super) spread: f64,
}

impl PerToken {
    /// Fits the cost through the sizes of runs.
    pub(super) fn of<'a>(runs: impl IntoIterator<Item = &'a Observation>) -> Option<Self> {
        Self::fit(
            &runs
                .into_iter()
                .map(Observation::token_cost)
                .collect::<Vec<_>>(),
        )
    }

    /// Fits the cost to (log N, log f) of every run. The degree is lower if the sizes do not
    /// determine a quadratic.
    pub(super) fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let sizes = points.iter().map(|p| p.0);
        let (centre, ends) = (mean(sizes.clone()), range(sizes));
        let c = least_squares(points, centre)?;
        let mut fitted = Self {
            centre,
            c,
            ends,
            spread: 0.0,
        };
        fitted.spread = points
            .iter()
            .map(|(n, f)| (fitted.log(*n) - f).abs())
            .fold(0.0, f64::max);
        // A token of a larger model must cost more. Otherwise no size is optimal.
        (fitted.slope(ends.0) > 0.0 && fitted.slope(ends.1) > 0.0).then_some(fitted)
    }

    /// Returns f = 6N.
    #[cfg(test)]
    pub(super) fn six_n() -> Self {
        Self {
            centre: 0.0,
            c: [6f64.ln(), 1.0, 0.0],
            ends: (14.0, 24.0),
            spread: 0.0,
        }
    }

    /// Returns log f at log N.
    pub(super) fn log(&self, log_n: f64) -> f64 {
        let inside = log_n.clamp(self.ends.0, self.ends.1);
        let x = inside - self.centre;
        self.c[0] + x * (self.c[1] + x * self.c[2]) + self.slope(inside) * (log_n - inside)
    }

    /// Returns dlog f/dlog N.
    pub(super) fn slope(&self, log_n: f64) -> f64 {
        self.c[1] + 2.0 * self.c[2] * (log_n.clamp(self.ends.0, self.ends.1) - self.centre)
    }
}

/// Fits a quadratic, or a line if the quadratic is singular.
fn least_squares(points: &[(f64, f64)], centre: f64) -> Option<[f64; 3]> {
    let (mut normal, mut right) = (Matrix3::zeros(), Vector3::zeros());
    for (n, f) in points {
        let row = Vector3::new(1.0, n - centre, (n - centre).powi(2));
        normal += row * row.transpose();
        right += row * *f;
    }
    let scale = normal.diagonal().product();
    if let Some(c) = normal
        .cholesky()
        .filter(|_| normal.determinant() > 1e-9 * scale)
    {
        let c = c.solve(&right);
        return Some([c[0], c[1], c[2]]);
    }
    let slope = right[1] / normal[(1, 1)];
    (normal[(1, 1)] > 0.0).then(|| [right[0] / normal[(0, 0)], slope, 0.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_through_its_sizes_and_is_straight_beyond() {
        let points: Vec<(f64, f64)> = (10..=16)
            .map(f64::from)
            .map(|n| (n, 2.0 + 0.9 * n + 0.01 * n * n))
            .collect();
        let f = PerToken::fit(&points).unwrap();
        assert!(f.spread < 1e-9, "{}", f.spread);
        assert!((f.slope(12.0) - 1.14).abs() < 1e-9);
        assert!((f.log(20.0) - (f.log(16.0) + 4.0 * 1.22)).abs() < 1e-8);
        // Two sizes determine a line.
        let two = PerToken::fit(&[(10.0, 11.0), (12.0, 13.0)]).unwrap();
        assert!((two.log(11.0) - 12.0).abs() < 1e-9 && two.spread < 1e-9);
        assert_eq!(PerToken::fit(&[(10.0, 11.0), (12.0, 9.0)]), None);
        assert_eq!(PerToken::fit(&[(10.0, 11.0)]), None);
    }
}
