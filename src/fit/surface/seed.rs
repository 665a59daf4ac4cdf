//! Where the search begins.
//!
//! Variable projection (Golub and Pereyra 1973): given α and β the surface is linear in E, A and B, so that only two numbers
//! are searched for. Rows are divided by the loss, which makes their residuals those of log L, nearly. It is least squares
//! and not robust, so the best of Hoffmann's grid (arXiv:2203.15556, appendix D.3) start beside it.

use super::super::nonnegative::Normal;
use super::form::Point;
use super::objective::{Objective, Problem, Theta};

/// Exponents searched on a geometric grid.
const EXPONENTS: [f64; 14] = [
    0.02, 0.03, 0.045, 0.065, 0.09, 0.13, 0.19, 0.27, 0.38, 0.54, 0.77, 1.1, 1.5, 2.2,
];

/// The vector at exponents with the best factors for them, and what it leaves: the sum of squares, or of a grid's scores.
type Projected = (Theta, f64);

/// The seed by variable projection.
pub(super) fn projected(problem: &Problem<'_>) -> Theta {
    let mut best = on_grid(problem);
    let mut log = [best.0[3].ln(), best.0[4].ln()];
    // A compass search around the best of the grid, to a thousandth of the exponents.
    let mut step = 0.2;
    while step > 1e-3 {
        let around = [
            (1.0, 0.0),
            (-1.0, 0.0),
            (0.0, 1.0),
            (0.0, -1.0),
            (1.0, 1.0),
            (-1.0, -1.0),
            (1.0, -1.0),
            (-1.0, 1.0),
        ];
        let tried = around.map(|(u, v)| [log[0] + step * u, log[1] + step * v]);
        let found = tried.map(|at| (project(problem, at[0].exp(), at[1].exp()), at));
        let least = found.into_iter().min_by(|a, b| a.0.1.total_cmp(&b.0.1));
        match least {
            Some((there, at)) if there.1 < best.1 => (best, log) = (there, at),
            _ => step /= 2.0,
        }
    }
    best.0
}

fn on_grid(problem: &Problem<'_>) -> Projected {
    // Each power once, not once for every exponent of the other.
    let powers = |of: &dyn Fn(&Point) -> f64| {
        EXPONENTS.map(|x| -> Vec<f64> {
            let points = problem.points.iter();
            points.map(|p| (-x * of(p)).exp()).collect()
        })
    };
    let of_n = powers(&|p| p.log_n - problem.log_n);
    let of_d = powers(&|p| p.log_d - problem.log_d);
    let inverse: Vec<f64> = problem.points.iter().map(|p| (-p.log_loss).exp()).collect();
    let mut best = (Theta::zeros(), f64::INFINITY);
    for (alpha, n) in EXPONENTS.iter().zip(&of_n) {
        for (beta, d) in EXPONENTS.iter().zip(&of_d) {
            let rows = n.iter().zip(d).zip(&inverse).zip(problem.weights);
            let rows = rows.map(|(((n, d), l), w)| (*n, *d, *l, *w));
            let found = solve(rows, *alpha, *beta);
            if found.1 < best.1 {
                best = found;
            }
        }
    }
    best
}

fn project(problem: &Problem<'_>, alpha: f64, beta: f64) -> Projected {
    let rows = powers(problem, alpha, beta, (problem.log_n, problem.log_d));
    solve(rows, alpha, beta)
}

/// The best factors for rows of two powers, 1/L and the weight.
fn solve(rows: impl Iterator<Item = (f64, f64, f64, f64)>, alpha: f64, beta: f64) -> Projected {
    let mut normal = Normal::default();
    for (n, d, inverse, w) in rows {
        normal.add([n * inverse, d * inverse, inverse], 1.0, w);
    }
    let (factors, left) = normal.solve();
    let [a, b, e] = [factors[0].ln(), factors[1].ln(), factors[2].ln()];
    (Theta::from([a, b, e, alpha, beta, SIGMA.ln()]), left)
}

/// (N/N₀)^-α, (D/D₀)^-β, 1/L and the weight of each run.
fn powers(
    problem: &Problem<'_>,
    alpha: f64,
    beta: f64,
    (log_n, log_d): (f64, f64),
) -> impl Iterator<Item = (f64, f64, f64, f64)> {
    let runs = problem.points.iter().zip(problem.weights);
    runs.map(move |(p, w)| {
        let (n, d) = (p.log_n - log_n, p.log_d - log_d);
        let [n, d, inverse] = [-alpha * n, -beta * d, -p.log_loss].map(f64::exp);
        (n, d, inverse, *w)
    })
}

/// Where the likelihood's scale begins: residuals of log loss are about a hundredth.
pub(super) const SIGMA: f64 = 0.01;

/// The points of Hoffmann's grid, 4,500 of them, that promise most: the best (a, b, e) of each (α, β), best first.
pub(super) fn from_grid(problem: &Problem<'_>, count: usize) -> Vec<Theta> {
    const EXPONENTS: [f64; 5] = [0.0, 0.5, 1.0, 1.5, 2.0];
    let of_alpha = |alpha| EXPONENTS.map(|beta| best_factors(problem, alpha, beta));
    let mut starts = EXPONENTS.map(of_alpha).concat();
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    starts
        .into_iter()
        .take(count)
        .map(|(start, _)| start)
        .collect()
}

fn best_factors(problem: &Problem<'_>, alpha: f64, beta: f64) -> Projected {
    const LOG_FACTORS: [f64; 6] = [0.0, 5.0, 10.0, 15.0, 20.0, 25.0];
    const LOG_E: [f64; 5] = [-1.0, -0.5, 0.0, 0.5, 1.0];
    let powers: Vec<_> = powers(problem, alpha, beta, (0.0, 0.0)).collect();
    let mut best = (Theta::zeros(), f64::INFINITY);
    for a in LOG_FACTORS {
        for b in LOG_FACTORS {
            for e in LOG_E {
                let [factor_a, factor_b, constant] = [a, b, e].map(f64::exp);
                let loss = |(n, d, inverse, w): &(f64, f64, f64, f64)| {
                    let residual = ((constant + factor_a * n + factor_b * d) * inverse).ln();
                    w * score(problem.objective, residual)
                };
                let score: f64 = powers.iter().map(loss).sum();
                if score < best.1 {
                    let (log_a, log_b) = (a - alpha * problem.log_n, b - beta * problem.log_d);
                    best = (
                        Theta::from([log_a, log_b, e, alpha, beta, SIGMA.ln()]),
                        score,
                    );
                }
            }
        }
    }
    best
}

/// Far from the optimum all that is asked of a start is that it is near; absolute values are robust, and what Huber's
/// loss and Student's are there.
fn score(objective: Objective, residual: f64) -> f64 {
    if objective == Objective::LeastSquares {
        residual * residual
    } else {
        residual.abs()
    }
}
