//! Approach 3 of Hoffmann et al. (arXiv:2203.15556, section 3.3): L(N, D) = E + A·N^-α + B·D^-β
//! through all runs.

mod check;
mod fit;
mod form;
mod objective;
#[cfg(test)]
mod reference_tests;
mod seed;
#[cfg(test)]
mod tests;

pub use check::SurfaceRefusal;
pub(super) use fit::fit_with_search;
pub use fit::{fit, fit_from, pinned, refit};
pub use form::{Surface, SurfaceFit, SurfaceParameter, SurfacePoint, SurfaceStatus, symbols};
pub use objective::Objective;
#[cfg(test)]
pub(super) use reference_tests::columns as reference_columns;
