//! Fits of a surface: in full, from one start, and with a parameter held.

use super::super::minimize::{Minimum, Stop, minimize};
use super::check::check;
use super::objective::{ALPHA, BETA, LOG_A, LOG_B, LOG_E, LOG_SIGMA, Problem, Theta};
use super::{
    Objective, Parameter, Point, Surface, SurfaceFit, SurfaceRefusal, SurfaceStatus, seed,
};

/// Points of the grid that are polished beside the seed.
const GRID_STARTS: usize = 12;

/// The full fit; `weights` has one for each point, 1 in an estimate.
pub fn fit(
    points: &[Point],
    weights: &[f64],
    objective: Objective,
) -> Result<SurfaceFit, SurfaceRefusal> {
    check(points, objective)?;
    let problem = Problem::new(points, weights, objective);
    let mut starts = vec![seed::projected(&problem)];
    starts.extend(seed::from_grid(&problem, GRID_STARTS));
    polished(&problem, &starts)
}

/// Runs up to which every start is polished on all of them.
const SEARCHED: usize = 2000;

/// The full fit; of many runs the search looks at every so many, and all of them are fitted from what it finds.
pub(crate) fn searched(
    points: &[Point],
    objective: Objective,
) -> Result<SurfaceFit, SurfaceRefusal> {
    let ones = vec![1.0; points.len()];
    let stride = points.len().div_ceil(SEARCHED).max(1);
    if stride == 1 {
        return fit(points, &ones, objective);
    }
    let some: Vec<Point> = points.iter().step_by(stride).copied().collect();
    let found = fit(&some, &vec![1.0; some.len()], objective)?;
    fit_from(points, &ones, &found.surface, objective)
}

/// The fit from one start, as a reference that names its start has it. Like every fit here it keeps all parameters at or
/// above zero.
pub fn fit_from(
    points: &[Point],
    weights: &[f64],
    start: &Surface,
    objective: Objective,
) -> Result<SurfaceFit, SurfaceRefusal> {
    check(points, objective)?;
    let problem = Problem::new(points, weights, objective);
    polished(&problem, &[problem.theta(start, seed::SIGMA)])
}

/// The fit of a bootstrap's replicate: one search, from the estimate. A term that the estimate leaves out stays out. None
/// where the search does not converge.
pub fn refit(
    points: &[Point],
    weights: &[f64],
    from: &Surface,
    objective: Objective,
) -> Option<Surface> {
    let problem = Problem::new(points, weights, objective);
    let mut start = problem.theta(from, seed::SIGMA);
    // An E that was at zero in the estimate need not be in a replicate.
    if from.e == 0.0 {
        start[LOG_E] = SMALL_E.ln();
    }
    let found = within_bounds(&problem, polish(&problem, start, REFIT));
    found.converged.then(|| problem.surface(&found.at))
}

/// The fit with E held at a value above 0: how much the rest owes to an E that runs barely identify.
pub fn pinned(points: &[Point], from: &Surface, e: f64, objective: Objective) -> Option<Surface> {
    let weights = vec![1.0; points.len()];
    let problem = Problem::new(points, &weights, objective);
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

/// Nats/token from which a search for E that was zero starts.
const SMALL_E: f64 = 0.1;

const POLISH: Stop = Stop {
    decrease: 1e-12,
    floor: 1e-14,
    evaluations: 1500,
};
const REFIT: Stop = Stop {
    decrease: 1e-9,
    floor: 1e-14,
    evaluations: 600,
};

fn polish(problem: &Problem<'_>, start: Theta, stop: Stop) -> Minimum<6> {
    let search = |start: Theta| {
        let inverse = problem.inverse_curvature(&start);
        minimize(|x| problem.evaluate(x), start, inverse, stop)
    };
    let found = search(start);
    // Where the search got stuck, the curvature there is a better guide than what it has made up on its way.
    if found.converged {
        found
    } else {
        search(found.at)
    }
}

fn polished(problem: &Problem<'_>, starts: &[Theta]) -> Result<SurfaceFit, SurfaceRefusal> {
    let found: Vec<Minimum<6>> = starts
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
        reached: best.value,
        sigma: (problem.objective == Objective::Likelihood).then(|| best.at[LOG_SIGMA].exp()),
        polished: found.len(),
        near_best: found.iter().filter(|m| m.value <= near).count(),
        status: status(&surface),
    })
}

/// Below zero there is no surface: a term with a negative exponent is left out, which is what its exponent at zero
/// amounts to, since E is the constant. A term that has vanished is left out too.
fn within_bounds(problem: &Problem<'_>, mut found: Minimum<6>) -> Minimum<6> {
    for (factor, exponent) in [(LOG_A, ALPHA), (LOG_B, BETA)] {
        if found.at[factor] == f64::NEG_INFINITY {
            found.at[exponent] = 0.0;
        } else if found.at[exponent] <= 0.0 || problem.largest(&found.at, factor) < VANISHED {
            let zero = [(factor, f64::NEG_INFINITY), (exponent, 0.0)];
            found = without(problem, found, &zero);
        }
    }
    // Log E falls for ever where E belongs at zero.
    if found.at[LOG_E] > f64::NEG_INFINITY && found.at[LOG_E] < NEGLIGIBLE_E.ln() {
        let zero = without(problem, found, &[(LOG_E, f64::NEG_INFINITY)]);
        if zero.value <= found.value + 1e-4 * found.value.abs() {
            found = zero;
        }
    }
    found
}

/// E, nats/token, below which it is tried whether zero does as well.
const NEGLIGIBLE_E: f64 = 0.01;

/// Nats/token: no run of a table shows a term below this.
const VANISHED: f64 = 1e-6;

fn without(problem: &Problem<'_>, found: Minimum<6>, pinned: &[(usize, f64)]) -> Minimum<6> {
    let mut start = found.at;
    for (parameter, value) in pinned {
        start[*parameter] = *value;
    }
    // A term that was a constant is part of E from now on.
    if pinned.len() == 2 {
        start[LOG_E] = start[LOG_E].max(0.0);
    }
    polish(problem, start, POLISH)
}

fn status(s: &Surface) -> SurfaceStatus {
    use Parameter::{A, Alpha, B, Beta, E};
    let zero = |(parameter, value): (Parameter, f64)| (value <= 0.0).then_some(parameter);
    let all = [
        (E, s.e),
        (A, s.a),
        (B, s.b),
        (Alpha, s.alpha),
        (Beta, s.beta),
    ];
    let parameters: Vec<Parameter> = all.into_iter().filter_map(zero).collect();
    if parameters.is_empty() {
        SurfaceStatus::Interior
    } else {
        SurfaceStatus::AtBound { parameters }
    }
}
