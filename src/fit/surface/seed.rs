//! Where the search begins.
//!
//! Variable projection (Golub and Pereyra 1973): given α and β the surface is linear in E, A and B, so that only two numbers
//! are searched for. Rows are divided by the loss, which makes their residuals those of log L, nearly. It is least squares
//! and not robust, so the best of Hoffmann's grid (arXiv:2203.15556, appendix D.3) start beside it.

use super::super::nonnegative::Normal;
use super::objective::{Objective, Problem, Theta};

/// Exponents searched on a geometric grid.
const EXPONENTS: [f64; 14] = [
    0.02, 0.03, 0.045, 0.065, 0.09, 0.13, 0.19, 0.27, 0.38, 0.54, 0.77, 1.1, 1.5, 2.2,
];

/// The vector at exponents with the best factors for them, and the sum of squares it leaves.
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
    let columns = |of: &dyn Fn(usize) -> f64| -> Vec<Vec<f64>> {
        EXPONENTS
            .iter()
            .map(|x| {
                (0..problem.points.len())
                    .map(|i| (-x * of(i)).exp())
                    .collect()
            })
            .collect()
    };
    let n = columns(&|i| problem.points[i].log_n - problem.log_n);
    let d = columns(&|i| problem.points[i].log_d - problem.log_d);
    let inverse: Vec<f64> = problem.points.iter().map(|p| (-p.log_loss).exp()).collect();
    let mut best = (Theta::zeros(), f64::INFINITY);
    for (alpha, n) in EXPONENTS.iter().zip(&n) {
        for (beta, d) in EXPONENTS.iter().zip(&d) {
            let rows = n
                .iter()
                .zip(d)
                .zip(&inverse)
                .zip(problem.weights)
                .map(|(((n, d), l), w)| (*n, *d, *l, *w));
            let found = solve(rows, *alpha, *beta);
            if found.1 < best.1 {
                best = found;
            }
        }
    }
    best
}

fn project(problem: &Problem<'_>, alpha: f64, beta: f64) -> Projected {
    let rows = problem.points.iter().zip(problem.weights).map(|(p, w)| {
        let (n, d) = (p.log_n - problem.log_n, p.log_d - problem.log_d);
        (
            (-alpha * n).exp(),
            (-beta * d).exp(),
            (-p.log_loss).exp(),
            *w,
        )
    });
    solve(rows, alpha, beta)
}

/// Rows are the two powers, 1/L and the weight.
fn solve(rows: impl Iterator<Item = (f64, f64, f64, f64)>, alpha: f64, beta: f64) -> Projected {
    let mut normal = Normal::new();
    for (n, d, inverse, w) in rows {
        normal.add([n * inverse, d * inverse, inverse], 1.0, w);
    }
    let (factors, left) = normal.solve();
    (
        Theta::from([
            factors[0].ln(),
            factors[1].ln(),
            factors[2].ln(),
            alpha,
            beta,
            SIGMA.ln(),
        ]),
        left,
    )
}

/// Where the likelihood's scale begins: residuals of log loss are about a hundredth.
pub(super) const SIGMA: f64 = 0.01;

/// The points of Hoffmann's grid, 4,500 of them, that promise most: the best (a, b, e) of each (α, β), best first.
pub(super) fn from_grid(problem: &Problem<'_>, count: usize) -> Vec<Theta> {
    const EXPONENTS: [f64; 5] = [0.0, 0.5, 1.0, 1.5, 2.0];
    let mut starts: Vec<(Theta, f64)> = Vec::with_capacity(25);
    for alpha in EXPONENTS {
        for beta in EXPONENTS {
            starts.push(best_factors(problem, alpha, beta));
        }
    }
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    starts
        .into_iter()
        .take(count)
        .map(|(start, _)| start)
        .collect()
}

fn best_factors(problem: &Problem<'_>, alpha: f64, beta: f64) -> (Theta, f64) {
    const LOG_E: [f64; 5] = [-1.0, -0.5, 0.0, 0.5, 1.0];
    let powers: Vec<(f64, f64, f64, f64)> = problem
        .points
        .iter()
        .zip(problem.weights)
        .map(|(p, w)| {
            (
                (-alpha * p.log_n).exp(),
                (-beta * p.log_d).exp(),
                (-p.log_loss).exp(),
                *w,
            )
        })
        .collect();
    let mut best = (Theta::zeros(), f64::INFINITY);
    for a in 0..6 {
        for b in 0..6 {
            let (a, b) = (5.0 * f64::from(a), 5.0 * f64::from(b));
            let (factor_a, factor_b) = (f64::exp(a), f64::exp(b));
            for e in LOG_E {
                let constant = e.exp();
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
