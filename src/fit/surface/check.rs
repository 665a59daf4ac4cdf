//! Which runs have no surface.

use super::super::numbers::{are_alike, distinct, mean};
use super::{Objective, Point};

/// Why there is no surface.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SurfaceRefusal {
    /// Without a residual nothing is learnt.
    #[error("{runs} finished runs; a surface of {parameters} parameters needs at least {}", parameters + 1)]
    TooFewRuns {
        /// Finished runs.
        runs: usize,
        /// Parameters fitted.
        parameters: usize,
    },
    /// A power law with a constant has three numbers, in each direction.
    #[error("{sizes} sizes and {tokens} token counts; a surface needs at least {FEWEST} of each")]
    TooFewDistinct {
        /// Distinct N.
        sizes: usize,
        /// Distinct D.
        tokens: usize,
    },
    /// Along a line in (log N, log D) the two terms are one.
    #[error(
        "tokens follow from the size (r² {r_squared:.3}), as at one budget: α and β cannot be told apart"
    )]
    Collinear {
        /// Squared correlation of log N and log D.
        r_squared: f64,
    },
    /// Without a difference nothing is learnt.
    #[error("the losses of all runs are the same: they do not fall with parameters or tokens")]
    Flat,
    /// A loss or a count that has no logarithm.
    #[error("a run's parameters, tokens or loss are not positive numbers")]
    NotPositive,
    /// The search ended nowhere.
    #[error("the search for a surface did not converge")]
    NotConverged,
}

/// Fewest sizes, and fewest token counts.
const FEWEST: usize = 3;

/// Squared correlation of log N and log D from which they count as one. At one budget with exact FLOPs it is .999.
const COLLINEAR: f64 = 0.99;

/// Refuses what no surface can be told from.
pub(super) fn check(points: &[Point], objective: Objective) -> Result<(), SurfaceRefusal> {
    let mut logs = points.iter().flat_map(|p| [p.log_n, p.log_d, p.log_loss]);
    if !logs.all(f64::is_finite) {
        return Err(SurfaceRefusal::NotPositive);
    }
    if points.len() > 1 && are_alike(points.iter().map(|p| p.log_loss)) {
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

fn r_squared(points: &[Point]) -> f64 {
    let mean = |of: &dyn Fn(&Point) -> f64| mean(points.iter().map(of));
    let (n, d) = (mean(&|p| p.log_n), mean(&|p| p.log_d));
    let nd = mean(&|p| (p.log_n - n) * (p.log_d - d));
    nd * nd / (mean(&|p| (p.log_n - n).powi(2)) * mean(&|p| (p.log_d - d).powi(2)))
}
