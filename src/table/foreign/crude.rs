//! A crude surface of losses, by which a value is seen that does not belong: log L as a quadratic in log N and log D,
//! fitted so that a minority of wrong values cannot bend it (iteratively reweighted least squares; first by absolute
//! deviations, then by Tukey's biweight, Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171).

/// A point: log N, log D, log L.
pub(super) type Point = [f64; 3];

/// Terms of the quadratic.
const TERMS: usize = 6;
/// Fewest points that six terms are fitted to; with fewer there is a median alone.
const FEWEST: usize = 12;
/// Rounds of reweighting, of each kind.
const ROUNDS: usize = 8;

/// log L of each point, less that of the surface.
pub(super) fn residuals(points: &[Point]) -> Vec<f64> {
    let logs: Vec<f64> = points.iter().map(|[_, _, l]| *l).collect();
    if points.len() < FEWEST {
        let middle = median(logs.clone());
        return logs.iter().map(|l| l - middle).collect();
    }
    let terms = terms(points);
    let mut weights = vec![1.0; points.len()];
    let mut residuals = Vec::new();
    for round in 0..2 * ROUNDS {
        let coefficients = least_squares(&terms, &logs, &weights);
        residuals = terms
            .iter()
            .zip(&logs)
            .map(|(t, l)| l - dot(t, &coefficients))
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
    residuals
}

/// Standard deviation of most values: 1.4826 times the median of their absolute values.
pub(super) fn spread(residuals: &[f64]) -> f64 {
    1.4826 * median(residuals.iter().map(|r| r.abs()).collect())
}

/// The middle value.
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

/// 1, n, d, n², nd, d², with log N and log D brought to mean 0 and spread 1.
fn terms(points: &[Point]) -> Vec<[f64; TERMS]> {
    let scaled = |axis: usize| {
        let mean = points.iter().map(|p| p[axis]).sum::<f64>() / points.len() as f64;
        let variance =
            points.iter().map(|p| (p[axis] - mean).powi(2)).sum::<f64>() / points.len() as f64;
        (mean, variance.sqrt().max(1e-9))
    };
    let ((n_mean, n_sd), (d_mean, d_sd)) = (scaled(0), scaled(1));
    let of = |p: &Point| {
        let (n, d) = ((p[0] - n_mean) / n_sd, (p[1] - d_mean) / d_sd);
        [1.0, n, d, n * n, n * d, d * d]
    };
    points.iter().map(of).collect()
}

/// Weighted least squares by the normal equations. A ridge keeps them solvable where D follows from N.
fn least_squares(terms: &[[f64; TERMS]], values: &[f64], weights: &[f64]) -> [f64; TERMS] {
    let mut matrix = [[0.0; TERMS + 1]; TERMS];
    for ((t, value), w) in terms.iter().zip(values).zip(weights) {
        for i in 0..TERMS {
            for j in 0..TERMS {
                matrix[i][j] += w * t[i] * t[j];
            }
            matrix[i][TERMS] += w * t[i] * value;
        }
    }
    let ridge = 1e-9 * weights.iter().sum::<f64>();
    (0..TERMS).for_each(|i| matrix[i][i] += ridge);
    solve(matrix)
}

/// Gaussian elimination of a positive definite system, which needs no pivots.
fn solve(mut matrix: [[f64; TERMS + 1]; TERMS]) -> [f64; TERMS] {
    for i in 0..TERMS {
        let pivot = matrix[i];
        for row in matrix.iter_mut().skip(i + 1) {
            let factor = row[i] / pivot[i];
            row.iter_mut()
                .zip(pivot)
                .for_each(|(value, above)| *value -= factor * above);
        }
    }
    let mut solution = [0.0; TERMS];
    for i in (0..TERMS).rev() {
        let known: f64 = (i + 1..TERMS).map(|j| matrix[i][j] * solution[j]).sum();
        solution[i] = (matrix[i][TERMS] - known) / matrix[i][i];
    }
    solution
}

fn dot(a: &[f64; TERMS], b: &[f64; TERMS]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
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

    /// D follows from N: five of six terms are one another's.
    #[test]
    fn a_line_of_points_is_followed_too() {
        let points: Vec<Point> = (0..20)
            .map(|i| [f64::from(i), f64::from(i) + 3.0, -0.1 * f64::from(i)])
            .collect();
        assert!(residuals(&points).iter().all(|r| r.abs() < 1e-3));
    }
}
