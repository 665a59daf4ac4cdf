//! Checks of the runs that a surface is fitted to.

use super::super::numbers::{are_equal_up_to_rounding, distinct, mean};
use super::{Objective, SurfacePoint};

/// Reason that there is no surface.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SurfaceRefusal {
    /// Too few runs to leave a residual.
    #[error("{runs} finished runs; a surface of {parameters} parameters needs at least {}", parameters + 1)]
    TooFewRuns {
        /// Number of finished runs.
        runs: usize,
        /// Number of fitted parameters.
        parameters: usize,
    },
    /// Too few sizes or token counts. A power law with a constant has three parameters in each
    /// direction.
    #[error("{sizes} sizes and {tokens} token counts; a surface needs at least {FEWEST} of each")]
    TooFewDistinct {
        /// Number of distinct N.
        sizes: usize,
        /// Number of distinct D.
        tokens: usize,
    },
    /// Along a line in (log N, log D), the two terms cannot be distinguished.
    #[error(
        "parameters and tokens are collinear (r² {r_squared:.3}), as at a single budget: α and β cannot be estimated separately"
    )]
    Collinear {
        /// Squared correlation of log N and log D.
        r_squared: f64,
    },
    /// The losses of all runs are the same.
    #[error("all runs have the same loss: it does not fall with parameters or tokens")]
    Flat,
    /// A loss or a count has no logarithm.
    #[error("a run's parameters, tokens or loss are not positive numbers")]
    NotPositive,
    /// The search did not converge.
    #[error("the fit of the surface did not converge")]
    NotConverged,
}

/// Minimum number of sizes, and of token counts.
const FEWEST: usize = 3;

/// Squared correlation of log N and log D above which they count as collinear. At one budget with
/// exact FLOPs it is .999.
const COLLINEAR: f64 = 0.99;

/// Refuses runs that do not determine a surface.
pub(super) fn check(points: &[SurfacePoint], objective: Objective) -> Result<(), SurfaceRefusal> {
    let mut logs = points.iter().flat_map(|p| [p.log_n, p.log_d, p.log_loss]);
    if !logs.all(f64::is_finite) {
        return Err(SurfaceRefusal::NotPositive);
    }
    if points.len() > 1 && are_equal_up_to_rounding(points.iter().map(|p| p.log_loss)) {
        return Err(SurfaceRefusal::Flat);
    }
    let (runs, parameters) = (points.len(), objective.parameters());
    if runs < parameters + 1 {
        return Err(SurfaceRefusal::TooFewRuns { runs, parameters });
    }
    let sizes = distinct(points.iter().map(|p| p.log_n)).len();
    let tokens = distinct(points.iter().map(|p| p.log_d)).len();
    if sizes < FEWEST || tokens < FEWEST {
        return Err(SurfaceRefusal::TooFewDistinct { sizes, tokens });
    }
    let r_squared = r_squared(points);
    if r_squared > COLLINEAR {
        Err(SurfaceRefusal::Collinear { r_squared })
    } else {
        Ok(())
    }
}

fn r_squared(points: &[SurfacePoint]) -> f64 {
    let mean = |of: &dyn Fn(&SurfacePoint) -> f64| mean(points.iter().map(of));
    let (n, d) = (mean(&|p| p.log_n), mean(&|p| p.log_d));
    let nd = mean(&|p| (p.log_n - n) * (p.log_d - d));
    nd * nd / (mean(&|p| (p.log_n - n).powi(2)) * mean(&|p| (p.log_d - d).powi(2)))
}
