//! Fits of a surface: from many starts, from one start, and with E fixed.

use super::super::minimize::{SearchResult, StopRule, minimize};
use super::check::check;
use super::objective::{ALPHA, BETA, LOG_A, LOG_B, LOG_E, LOG_SIGMA, SurfaceProblem, Theta};
use super::{
    Objective, Surface, SurfaceFit, SurfaceParameter, SurfacePoint, SurfaceRefusal, SurfaceStatus,
    seed,
};

/// Number of grid points that are starts, in addition to the seed.
const GRID_STARTS: usize = 12;

/// Fits a surface from many starts. `weights` has one weight for each point, 1 for an estimate.
pub fn fit(
    points: &[SurfacePoint],
    weights: &[f64],
    objective: Objective,
) -> Result<SurfaceFit, SurfaceRefusal> {
    check(points, objective)?;
    let problem = SurfaceProblem::new(points, weights, objective);
    let mut starts = vec![seed::projected(&problem)];
    starts.extend(seed::from_grid(&problem, GRID_STARTS));
    best_of_starts(&problem, &starts)
}

/// Largest number of runs for which the search uses all of them.
const SEARCHED: usize = 2000;

/// Fits a surface from many starts. With many runs, searches on every k-th run, then fits all runs
/// from the result.
pub(crate) fn fit_with_search(
    points: &[SurfacePoint],
    objective: Objective,
) -> Result<SurfaceFit, SurfaceRefusal> {
    let ones = vec![1.0; points.len()];
    let stride = points.len().div_ceil(SEARCHED).max(1);
    if stride == 1 {
        return fit(points, &ones, objective);
    }
    let some: Vec<SurfacePoint> = points.iter().step_by(stride).copied().collect();
    let found = fit(&some, &vec![1.0; some.len()], objective)?;
    fit_from(points, &ones, &found.surface, objective)
}

/// Fits a surface from one start, for references that give theirs. Like every fit here, it keeps
/// all parameters at or above zero.
pub fn fit_from(
    points: &[SurfacePoint],
    weights: &[f64],
    start: &Surface,
    objective: Objective,
) -> Result<SurfaceFit, SurfaceRefusal> {
    check(points, objective)?;
    let problem = SurfaceProblem::new(points, weights, objective);
    best_of_starts(&problem, &[problem.theta(start, seed::SIGMA)])
}

/// Fits a bootstrap replicate by one search, from the estimate. A term that the estimate leaves out
/// stays out. `None` if the search does not converge.
pub fn refit(
    points: &[SurfacePoint],
    weights: &[f64],
    from: &Surface,
    objective: Objective,
) -> Option<Surface> {
    let problem = SurfaceProblem::new(points, weights, objective);
    let mut start = problem.theta(from, seed::SIGMA);
    // E can be above zero in a replicate even if it is zero in the estimate.
    if from.e == 0.0 {
        start[LOG_E] = SMALL_E.ln();
    }
    let found = within_bounds(&problem, polish(&problem, start, REFIT));
    found.converged.then(|| problem.surface(&found.at))
}

/// Fits a surface with E fixed at a value above 0. It shows how much the other parameters depend on
/// an E that the runs barely determine.
pub fn pinned(
    points: &[SurfacePoint],
    from: &Surface,
    e: f64,
    objective: Objective,
) -> Option<Surface> {
    let weights = vec![1.0; points.len()];
    let problem = SurfaceProblem::new(points, &weights, objective);
    let start = problem.theta(&Surface { e, ..*from }, seed::SIGMA);
    let mut inverse = problem.inverse_curvature(&start);
    inverse.row_mut(LOG_E).fill(0.0);
    inverse.column_mut(LOG_E).fill(0.0);
    inverse[(LOG_E, LOG_E)] = 1.0;
    let held = |x: &Theta| {
        let (value, mut gradient) = problem.evaluate(x);
        gradient[LOG_E] = 0.0;
        (value, gradient)
    };
    let found = minimize(held, start, inverse, POLISH);
    let surface = problem.surface(&found.at);
    (found.converged && surface.alpha > 0.0 && surface.beta > 0.0).then_some(surface)
}

/// Start of the search for an E that was zero, nats/token.
const SMALL_E: f64 = 0.1;

const POLISH: StopRule = StopRule {
    decrease: 1e-12,
    floor: 1e-14,
    evaluations: 1500,
};
const REFIT: StopRule = StopRule {
    decrease: 1e-9,
    floor: 1e-14,
    evaluations: 600,
};

fn polish(problem: &SurfaceProblem<'_>, start: Theta, stop: StopRule) -> SearchResult<6> {
    let search = |start: Theta| {
        let inverse = problem.inverse_curvature(&start);
        minimize(|x| problem.evaluate(x), start, inverse, stop)
    };
    let found = search(start);
    // If the search stalls, restart it with the curvature at that point, which is better than its
    // own approximation.
    if found.converged {
        found
    } else {
        search(found.at)
    }
}

fn best_of_starts(
    problem: &SurfaceProblem<'_>,
    starts: &[Theta],
) -> Result<SurfaceFit, SurfaceRefusal> {
    let found: Vec<SearchResult<6>> = starts
        .iter()
        .map(|start| within_bounds(problem, polish(problem, *start, POLISH)))
        .collect();
    let usable = found.iter().filter(|m| m.value.is_finite() && m.converged);
    let best = usable
        .min_by(|a, b| a.value.total_cmp(&b.value))
        .ok_or(SurfaceRefusal::NotConverged)?;
    let near = best.value + 0.01 * best.value.abs() + 1e-15;
    let surface = problem.surface(&best.at);
    Ok(SurfaceFit {
        surface,
        objective_value: best.value,
        sigma: (problem.objective == Objective::Likelihood).then(|| best.at[LOG_SIGMA].exp()),
        starts: found.len(),
        near_best: found.iter().filter(|m| m.value <= near).count(),
        status: status(&surface),
    })
}

/// Keeps the parameters at or above zero. A term with a negative exponent is left out. With an
/// exponent of zero it would be a constant, which E already is. A negligible term is left out too.
fn within_bounds(problem: &SurfaceProblem<'_>, mut found: SearchResult<6>) -> SearchResult<6> {
    for (factor, exponent) in [(LOG_A, ALPHA), (LOG_B, BETA)] {
        if found.at[factor] == f64::NEG_INFINITY {
            found.at[exponent] = 0.0;
        } else if found.at[exponent] <= 0.0 || problem.largest(&found.at, factor) < VANISHED {
            let zero = [(factor, f64::NEG_INFINITY), (exponent, 0.0)];
            found = refit_with_fixed(problem, found, &zero);
        }
    }
    // If the best E is zero, log E falls without bound.
    if found.at[LOG_E] > f64::NEG_INFINITY && found.at[LOG_E] < NEGLIGIBLE_E.ln() {
        let zero = refit_with_fixed(problem, found, &[(LOG_E, f64::NEG_INFINITY)]);
        if zero.value <= found.value + 1e-4 * found.value.abs() {
            found = zero;
        }
    }
    found
}

/// E, nats/token, below which a fit with E = 0 is tried.
const NEGLIGIBLE_E: f64 = 0.01;

/// Largest contribution of a negligible term to the loss of any run, nats/token.
const VANISHED: f64 = 1e-6;

fn refit_with_fixed(
    problem: &SurfaceProblem<'_>,
    found: SearchResult<6>,
    pinned: &[(usize, f64)],
) -> SearchResult<6> {
    let mut start = found.at;
    for (parameter, value) in pinned {
        start[*parameter] = *value;
    }
    // A constant term becomes part of E.
    if pinned.len() == 2 {
        start[LOG_E] = start[LOG_E].max(0.0);
    }
    polish(problem, start, POLISH)
}

fn status(s: &Surface) -> SurfaceStatus {
    use SurfaceParameter::{A, Alpha, B, Beta, E};
    let zero = |(parameter, value): (SurfaceParameter, f64)| (value <= 0.0).then_some(parameter);
    let all = [
        (E, s.e),
        (A, s.a),
        (B, s.b),
        (Alpha, s.alpha),
        (Beta, s.beta),
    ];
    let parameters: Vec<SurfaceParameter> = all.into_iter().filter_map(zero).collect();
    if parameters.is_empty() {
        SurfaceStatus::Interior
    } else {
        SurfaceStatus::AtBound { parameters }
    }
}
