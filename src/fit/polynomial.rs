//! The curve of an IsoFLOP profile and its minimum, by each of the forms that are offered.

use nalgebra::SVector;
use schemars::JsonSchema;
use serde::Serialize;

use super::least_squares::least_squares;
use super::numbers::distinct;

/// The curve that goes through a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A quadratic in log N through all sizes (Hoffmann et al., arXiv:2203.15556, section 3.2).
    Parabola,
    /// A cubic: profiles are steeper towards small models where α ≠ β, which moves a parabola's vertex.
    Cubic,
    /// A parabola through the sizes near the optimum alone, for the same reason.
    Windowed,
}

/// Fewest runs, and fewest sizes, that a profile is fitted from.
pub(super) const FEWEST: usize = 4;

/// L = loss_opt + curvature·(log N - log n_opt)².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Parabola {
    /// log N*.
    pub log_n_opt: f64,
    /// L*, nats/token.
    pub loss_opt: f64,
    /// Coefficient of (log N - log N*)², positive.
    pub curvature: f64,
}

impl Parabola {
    /// The loss at N parameters.
    pub fn loss(&self, n: f64) -> f64 {
        self.loss_opt + self.curvature * (n.ln() - self.log_n_opt).powi(2)
    }
}

/// Why a profile has no vertex.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ProfileRefusal {
    /// Too little to fit three numbers and see a residual.
    #[error("{runs} finished runs of {sizes} sizes; a profile needs at least {needed} of each")]
    TooFew {
        /// How many are needed.
        needed: usize,
        /// Finished runs.
        runs: usize,
        /// Distinct sizes among them.
        sizes: usize,
    },
    /// Without a difference nothing is best.
    #[error("the losses of all sizes are the same, so that none is best")]
    Flat,
    /// A maximum is not an optimum.
    #[error("the parabola opens downwards (curvature {curvature:.3}): it has no minimum")]
    NotConvex {
        /// Coefficient of (log N)².
        curvature: f64,
    },
}

/// Sizes further than this from the first vertex, as a factor of N, are outside the window.
const WINDOW: f64 = 3.0;

/// (log N, L, weight) of a run.
pub(super) type Weighted = (f64, f64, f64);

/// The minimum of a form through runs: where it is, how deep, and how curved there.
pub(super) fn minimum(form: Form, data: &[Weighted]) -> Result<Parabola, ProfileRefusal> {
    let found = match form {
        Form::Parabola => parabola(data),
        Form::Cubic => cubic(data),
        Form::Windowed => parabola(&window(data)?),
    }?;
    // A curve that hardly bends can have its least so far off that no number is.
    if found.log_n_opt.exp().is_normal() {
        Ok(found)
    } else {
        Err(ProfileRefusal::Flat)
    }
}

/// Runs that a form rests on.
pub(super) fn runs_used(form: Form, data: &[Weighted]) -> usize {
    match form {
        Form::Parabola | Form::Cubic => data.len(),
        Form::Windowed => window(data).map_or(data.len(), |near| near.len()),
    }
}

/// The runs near the vertex of all: those of at least so many sizes as a profile takes.
fn window(data: &[Weighted]) -> Result<Vec<Weighted>, ProfileRefusal> {
    let centre = parabola(data)?.log_n_opt;
    let sizes = distinct(data.iter().map(|(x, _, _)| (x - centre).abs()));
    let reach = sizes
        .get(FEWEST - 1)
        .map_or(f64::INFINITY, |nearest| nearest.max(WINDOW.ln()));
    let near = data.iter().filter(|(x, _, _)| (x - centre).abs() <= reach);
    Ok(near.copied().collect())
}

fn parabola(data: &[Weighted]) -> Result<Parabola, ProfileRefusal> {
    let (scaled, c) = Scaled::fitted::<3>(data)?;
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

/// The local minimum of a cubic, which must lie among the sizes: beyond them a cubic says nothing.
fn cubic(data: &[Weighted]) -> Result<Parabola, ProfileRefusal> {
    let sizes = distinct(data.iter().map(|(x, _, _)| *x));
    if sizes.len() <= FEWEST {
        return Err(ProfileRefusal::TooFew {
            needed: FEWEST + 1,
            runs: data.len(),
            sizes: sizes.len(),
        });
    }
    let (scaled, c) = Scaled::fitted::<4>(data)?;
    // L' = c1 + 2·c2·x + 3·c3·x²; of its two roots L'' > 0 at (-c2 + root) / (3·c3), written so that c3 may vanish.
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

/// False for a NaN too, which is no minimum either.
fn is_positive(value: f64) -> bool {
    value.partial_cmp(&0.0) == Some(std::cmp::Ordering::Greater)
}

/// log N centred and scaled, so that the normal equations are well conditioned.
struct Scaled {
    centre: f64,
    scale: f64,
}

impl Scaled {
    fn of(data: &[Weighted]) -> Self {
        let weight: f64 = data.iter().map(|(_, _, w)| w).sum();
        let centre = data.iter().map(|(x, _, w)| w * x).sum::<f64>() / weight;
        let squares = data.iter().map(|(x, _, w)| w * (x - centre).powi(2));
        Self {
            centre,
            scale: (squares.sum::<f64>() / weight).sqrt(),
        }
    }

    /// Weighted least squares of a polynomial of so many terms, constant first.
    fn fitted<const TERMS: usize>(
        data: &[Weighted],
    ) -> Result<(Self, SVector<f64, TERMS>), ProfileRefusal> {
        let scaled = Self::of(data);
        let row = |(x, y, w): &Weighted| {
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
