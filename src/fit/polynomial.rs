//! Curve of an IsoFLOP profile and its minimum, in several forms.

use nalgebra::SVector;
use schemars::JsonSchema;
use serde::Serialize;

use super::least_squares::least_squares;
use super::numbers::distinct;

/// Form of the curve through a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileForm {
    /// A quadratic in log N through all sizes (Hoffmann et al., arXiv:2203.15556, section 3.2).
    Parabola,
    /// A cubic in log N. Profiles are steeper towards small models if α ≠ β, which shifts the
    /// vertex of a parabola.
    Cubic,
    /// A parabola through only the sizes near the optimum, for the same reason.
    Windowed,
}

/// Minimum number of runs, and of sizes, for the fit of a profile.
pub(super) const FEWEST: usize = 4;

/// L = loss_opt + curvature·(log N - log n_opt)².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Parabola {
    /// Natural logarithm of N*, N* in parameters.
    pub log_n_opt: f64,
    /// L*, nats/token.
    pub loss_opt: f64,
    /// Coefficient of (log N - log N*)², nats/token; positive.
    pub curvature: f64,
}

impl Parabola {
    /// Returns the loss at N parameters, nats/token.
    pub fn loss(&self, n: f64) -> f64 {
        self.loss_opt + self.curvature * (n.ln() - self.log_n_opt).powi(2)
    }
}

/// Reason that a profile has no vertex.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ProfileRefusal {
    /// Too few runs or sizes to fit three parameters and leave a residual.
    #[error("{runs} finished runs of {sizes} sizes; a profile needs at least {needed} of each")]
    TooFew {
        /// Required number of runs, and of sizes.
        needed: usize,
        /// Number of finished runs.
        runs: usize,
        /// Number of distinct sizes.
        sizes: usize,
    },
    /// The losses of all sizes are the same.
    #[error("the losses of all sizes are the same, so no size is optimal")]
    Flat,
    /// The curve has no minimum within reach.
    #[error("the parabola opens downwards (curvature {curvature:.3}): it has no minimum")]
    NotConvex {
        /// Coefficient of (log N)².
        curvature: f64,
    },
}

/// Largest distance from the first vertex within the window, as a factor of N.
const WINDOW: f64 = 3.0;

/// (log N, L, weight) of a run.
pub(super) type WeightedPoint = (f64, f64, f64);

/// Fits a form through runs and returns its minimum: position, loss and curvature.
pub(super) fn minimum(
    form: ProfileForm,
    data: &[WeightedPoint],
) -> Result<Parabola, ProfileRefusal> {
    let found = match form {
        ProfileForm::Parabola => parabola(data),
        ProfileForm::Cubic => cubic(data),
        ProfileForm::Windowed => parabola(&window(data)?),
    }?;
    // The minimum of a nearly straight curve can be too far away for a finite number.
    if found.log_n_opt.exp().is_normal() {
        Ok(found)
    } else {
        Err(ProfileRefusal::Flat)
    }
}

/// Returns the number of runs that a form uses.
pub(super) fn runs_used(form: ProfileForm, data: &[WeightedPoint]) -> usize {
    match form {
        ProfileForm::Parabola | ProfileForm::Cubic => data.len(),
        ProfileForm::Windowed => window(data).map_or(data.len(), |near| near.len()),
    }
}

/// Returns the runs near the vertex of the parabola through all runs. They have at least as many
/// sizes as a profile needs.
fn window(data: &[WeightedPoint]) -> Result<Vec<WeightedPoint>, ProfileRefusal> {
    let centre = parabola(data)?.log_n_opt;
    let sizes = distinct(data.iter().map(|(x, _, _)| (x - centre).abs()));
    let reach = sizes
        .get(FEWEST - 1)
        .map_or(f64::INFINITY, |nearest| nearest.max(WINDOW.ln()));
    let near = data.iter().filter(|(x, _, _)| (x - centre).abs() <= reach);
    Ok(near.copied().collect())
}

fn parabola(data: &[WeightedPoint]) -> Result<Parabola, ProfileRefusal> {
    let (scaled, c) = ScaledSizes::fitted::<3>(data)?;
    let curvature = c[2] / scaled.scale.powi(2);
    if !is_positive(curvature) {
        return Err(ProfileRefusal::NotConvex { curvature });
    }
    let at = -c[1] / (2.0 * c[2]);
    Ok(Parabola {
        log_n_opt: scaled.back(at),
        loss_opt: c[0] - c[2] * at * at,
        curvature,
    })
}

/// Fits a cubic and returns its local minimum. It must be within the sizes, because beyond them a
/// cubic is meaningless.
fn cubic(data: &[WeightedPoint]) -> Result<Parabola, ProfileRefusal> {
    let sizes = distinct(data.iter().map(|(x, _, _)| *x));
    if sizes.len() <= FEWEST {
        return Err(ProfileRefusal::TooFew {
            needed: FEWEST + 1,
            runs: data.len(),
            sizes: sizes.len(),
        });
    }
    let (scaled, c) = ScaledSizes::fitted::<4>(data)?;
    // L' = c1 + 2·c2·x + 3·c3·x². Of its two roots, L'' > 0 at (-c2 + root) / (3·c3). It is
    // rewritten so that c3 may be zero.
    let root = (c[2] * c[2] - 3.0 * c[1] * c[3]).sqrt();
    let at = -c[1] / (c[2] + root);
    let bend = c[2] + 3.0 * c[3] * at;
    let curvature = bend / scaled.scale.powi(2);
    let log_n_opt = scaled.back(at);
    if !is_positive(curvature) {
        return Err(ProfileRefusal::NotConvex { curvature });
    }
    if !(sizes[0]..=sizes[sizes.len() - 1]).contains(&log_n_opt) {
        return Err(ProfileRefusal::NotConvex { curvature: 0.0 });
    }
    Ok(Parabola {
        log_n_opt,
        loss_opt: c[0] + at * (c[1] + at * (c[2] + at * c[3])),
        curvature,
    })
}

/// Reports whether a value is positive. A NaN is not.
fn is_positive(value: f64) -> bool {
    value.partial_cmp(&0.0) == Some(std::cmp::Ordering::Greater)
}

/// Centre and scale of log N, which make the normal equations well conditioned.
struct ScaledSizes {
    centre: f64,
    scale: f64,
}

impl ScaledSizes {
    fn of(data: &[WeightedPoint]) -> Self {
        let weight: f64 = data.iter().map(|(_, _, w)| w).sum();
        let centre = data.iter().map(|(x, _, w)| w * x).sum::<f64>() / weight;
        let squares = data.iter().map(|(x, _, w)| w * (x - centre).powi(2));
        Self {
            centre,
            scale: (squares.sum::<f64>() / weight).sqrt(),
        }
    }

    /// Fits a polynomial of `TERMS` terms by weighted least squares, constant first.
    fn fitted<const TERMS: usize>(
        data: &[WeightedPoint],
    ) -> Result<(Self, SVector<f64, TERMS>), ProfileRefusal> {
        let scaled = Self::of(data);
        let row = |(x, y, w): &WeightedPoint| {
            let x = (x - scaled.centre) / scaled.scale;
            (SVector::from_fn(|power, _| x.powi(power as i32)), *y, *w)
        };
        let coefficients = least_squares(data.iter().map(row), 0.0);
        let coefficients = coefficients.ok_or(ProfileRefusal::NotConvex { curvature: 0.0 })?;
        Ok((scaled, coefficients))
    }

    fn back(&self, at: f64) -> f64 {
        self.centre + self.scale * at
    }
}
