//! Starts of the search.
//!
//! Variable projection (Golub and Pereyra 1973): given α and β the surface is linear in E, A and B,
//! so the search is over two parameters only. Rows are divided by the loss, so their residuals are
//! nearly those of log L. Least squares is not robust, so the best points of Hoffmann's grid
//! (arXiv:2203.15556, appendix D.3) are starts too.

use super::super::nonnegative::NormalEquations;
use super::form::SurfacePoint;
use super::objective::{Objective, SurfaceProblem, Theta};

/// Geometric grid of exponents.
const EXPONENTS: [f64; 14] = [
    0.02, 0.03, 0.045, 0.065, 0.09, 0.13, 0.19, 0.27, 0.38, 0.54, 0.77, 1.1, 1.5, 2.2,
];

/// Vector of parameters with the best factors for its exponents, and its sum of squares or of
/// scores.
type SeedCandidate = (Theta, f64);

/// Finds the seed by variable projection.
pub(super) fn projected(problem: &SurfaceProblem<'_>) -> Theta {
    let mut best = on_grid(problem);
    let mut log = [best.0[3].ln(), best.0[4].ln()];
    // Compass search around the best point of the grid, to a thousandth of the exponents.
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

fn on_grid(problem: &SurfaceProblem<'_>) -> SeedCandidate {
    // Compute each power once, not once for every exponent of the other variable.
    let powers = |of: &dyn Fn(&SurfacePoint) -> f64| {
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

fn project(problem: &SurfaceProblem<'_>, alpha: f64, beta: f64) -> SeedCandidate {
    let rows = powers(problem, alpha, beta, (problem.log_n, problem.log_d));
    solve(rows, alpha, beta)
}

/// Returns the best factors for rows of two powers, 1/L and the weight.
fn solve(rows: impl Iterator<Item = (f64, f64, f64, f64)>, alpha: f64, beta: f64) -> SeedCandidate {
    let mut normal = NormalEquations::default();
    for (n, d, inverse, w) in rows {
        normal.add([n * inverse, d * inverse, inverse], 1.0, w);
    }
    let (factors, left) = normal.solve();
    let [a, b, e] = [factors[0].ln(), factors[1].ln(), factors[2].ln()];
    (Theta::from([a, b, e, alpha, beta, SIGMA.ln()]), left)
}

/// Returns (N/N₀)^-α, (D/D₀)^-β, 1/L and the weight of each run.
fn powers(
    problem: &SurfaceProblem<'_>,
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

/// Initial scale of the likelihood. Residuals of log loss are about a hundredth.
pub(super) const SIGMA: f64 = 0.01;

/// Returns the best starts of Hoffmann's grid of 4,500 points: the best (a, b, e) of each (α, β),
/// best first.
pub(super) fn from_grid(problem: &SurfaceProblem<'_>, count: usize) -> Vec<Theta> {
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

fn best_factors(problem: &SurfaceProblem<'_>, alpha: f64, beta: f64) -> SeedCandidate {
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

/// Returns the score of a residual. A start only has to be near the optimum. Absolute values are
/// robust, and far from the optimum Huber's loss and Student's behave like them.
fn score(objective: Objective, residual: f64) -> f64 {
    if objective == Objective::LeastSquares {
        residual * residual
    } else {
        residual.abs()
    }
}
