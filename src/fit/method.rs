//! One approach prepared for one arm: takes weights, returns a law. The estimate has weights of 1,
//! and each replicate has its own weights.

use super::approach::Approach;
use super::envelope::{self, EnvelopePoint};
use super::law::{Law, PowerLaw};
use super::line::{LinearFit, line};
use super::path::path;
use super::per_token::PerToken;
use super::polynomial::{Parabola, ProfileForm, WeightedPoint, minimum, runs_used};
use super::surface::{self, Objective, Surface};

/// Input of an approach, for one arm.
#[derive(Clone, Debug)]
pub(super) enum FitMethod {
    Profiles {
        form: ProfileForm,
        cells: Vec<ProfileCell>,
    },
    Surface {
        runs: Vec<usize>,
        points: Vec<surface::SurfacePoint>,
        objective: Objective,
        from: Surface,
        per_token: PerToken,
    },
    Envelope {
        points: Vec<EnvelopePoint>,
    },
}

/// Runs of an arm at one budget.
#[derive(Clone, Debug)]
pub(super) struct ProfileCell {
    /// Index among the arm's profiles.
    pub(super) profile: usize,
    pub(super) log_flops: f64,
    /// (log N, L) of each run, and its index among the observations.
    pub(super) runs: Vec<(f64, f64, usize)>,
    /// True if the frontier goes through its vertex.
    pub(super) used: bool,
}

/// Result of an approach for one set of weights.
#[derive(Clone, Debug)]
pub(super) enum Replicate {
    Profiles {
        vertices: Vec<Option<Parabola>>,
        lines: Option<(LinearFit, LinearFit)>,
    },
    Surface(Surface),
    Envelope(LinearFit),
}

impl Replicate {
    pub(super) fn surface(&self) -> Option<&Surface> {
        match self {
            Self::Surface(surface) => Some(surface),
            _ => None,
        }
    }

    pub(super) fn vertices(&self) -> Option<&[Option<Parabola>]> {
        match self {
            Self::Profiles { vertices, .. } => Some(vertices),
            _ => None,
        }
    }

    /// Returns the lines of log L and log N in log C, for profiles.
    pub(super) fn lines(&self) -> Option<(LinearFit, LinearFit)> {
        match self {
            Self::Profiles { lines, .. } => *lines,
            _ => None,
        }
    }
}

impl FitMethod {
    /// Fits the runs with these weights, one for each observation of the study.
    pub(super) fn draw(&self, weights: &[f64]) -> Option<Replicate> {
        match self {
            Self::Profiles { form, cells } => {
                let vertex =
                    |cell: &ProfileCell| minimum(*form, &cell.weighted(|run| weights[run])).ok();
                let vertices: Vec<_> = cells.iter().map(vertex).collect();
                let lines = lines(cells, &vertices);
                Some(Replicate::Profiles { vertices, lines })
            }
            Self::Surface {
                runs,
                points,
                objective,
                from,
                ..
            } => {
                let weights: Vec<f64> = runs.iter().map(|run| weights[*run]).collect();
                surface::refit(points, &weights, from, *objective).map(Replicate::Surface)
            }
            Self::Envelope { points } => {
                let loss = envelope::loss_line(points, |run| {
                    weights[run] > super::resample::PRESENT_WEIGHT
                })?;
                Some(Replicate::Envelope(loss))
            }
        }
    }

    /// Returns the law of a replicate.
    pub(super) fn law(&self, drawn: &Replicate) -> Option<Law> {
        match (self, drawn) {
            (Self::Surface { per_token, .. }, Replicate::Surface(surface)) => {
                path(surface, per_token).map(Law::Path)
            }
            (_, Replicate::Envelope(loss)) => Some(power_law(loss)),
            _ => drawn.lines().map(|(loss, _)| power_law(&loss)),
        }
    }

    /// Returns the optima that the frontier goes through, as (log C, L*), for profiles.
    pub(super) fn optima(&self, drawn: &Replicate) -> Option<Vec<(f64, f64)>> {
        let Self::Profiles { cells, .. } = self else {
            return None;
        };
        let optima = used_cells(cells, drawn.vertices()?);
        let optima = optima.map(|(cell, vertex)| Some((cell.log_flops, vertex?.loss_opt)));
        Some(optima.flatten().collect())
    }

    /// Returns the number of fitted parameters.
    pub(super) fn parameters(&self) -> usize {
        match self {
            Self::Profiles { form, cells } => {
                cells.len() * if *form == ProfileForm::Cubic { 4 } else { 3 }
            }
            Self::Surface { .. } => 5,
            Self::Envelope { .. } => 2,
        }
    }

    /// Returns the number of runs that it uses.
    pub(super) fn runs(&self) -> usize {
        match self {
            Self::Profiles { form, cells } => cells
                .iter()
                .map(|cell| runs_used(*form, &cell.weighted(|_| 1.0)))
                .sum(),
            _ => self.run_indices().len(),
        }
    }

    /// Returns the runs that it uses, by their indices among the observations.
    pub(super) fn run_indices(&self) -> Vec<usize> {
        match self {
            Self::Profiles { cells, .. } => cells
                .iter()
                .flat_map(|cell| &cell.runs)
                .map(|(_, _, run)| *run)
                .collect(),
            Self::Surface { runs, .. } => runs.clone(),
            Self::Envelope { points } => {
                let mut runs: Vec<usize> = points.iter().map(|point| point.run).collect();
                runs.sort_unstable();
                runs.dedup();
                runs
            }
        }
    }

    /// Returns the approach.
    pub(super) fn approach(&self) -> Approach {
        match self {
            Self::Profiles {
                form: ProfileForm::Parabola,
                ..
            } => Approach::Profiles,
            Self::Profiles {
                form: ProfileForm::Cubic,
                ..
            } => Approach::ProfilesCubic,
            Self::Profiles {
                form: ProfileForm::Windowed,
                ..
            } => Approach::ProfilesWindowed,
            Self::Surface { .. } => Approach::Surface,
            Self::Envelope { .. } => Approach::Envelope,
        }
    }
}

impl ProfileCell {
    fn weighted(&self, weight: impl Fn(usize) -> f64) -> Vec<WeightedPoint> {
        let runs = self.runs.iter();
        runs.map(|(log_n, loss, run)| (*log_n, *loss, weight(*run)))
            .collect()
    }
}

/// Returns the cells that the frontier goes through, with their vertices.
fn used_cells<'a>(
    cells: &'a [ProfileCell],
    vertices: &'a [Option<Parabola>],
) -> impl Iterator<Item = (&'a ProfileCell, Option<Parabola>)> {
    let cells = cells.iter().zip(vertices.iter().copied());
    cells.filter(|(cell, _)| cell.used)
}

/// Fits log L and log N in log C through the vertices of the used cells. `None` if one of them has
/// no vertex, or the loss does not fall.
fn lines(cells: &[ProfileCell], vertices: &[Option<Parabola>]) -> Option<(LinearFit, LinearFit)> {
    let points: Option<Vec<(f64, Parabola)>> = used_cells(cells, vertices)
        .map(|(cell, vertex)| Some((cell.log_flops, vertex.filter(|v| v.loss_opt > 0.0)?)))
        .collect();
    let points = points.filter(|points| points.len() >= 2)?;
    let loss = line(points.iter().map(|(c, v)| (*c, v.loss_opt.ln())));
    (loss.slope < 0.0).then(|| (loss, line(points.iter().map(|(c, v)| (*c, v.log_n_opt)))))
}

pub(super) fn power_law(loss: &LinearFit) -> Law {
    Law::Power(PowerLaw {
        e: 0.0,
        log_a: loss.intercept,
        k: -loss.slope,
    })
}
