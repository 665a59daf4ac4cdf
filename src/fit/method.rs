//! One approach made ready for one arm: weights in, a law out. The estimate has the weights of 1, each replicate its own.

use super::approach::Approach;
use super::envelope::{self, EnvelopePoint};
use super::law::{Law, PowerLaw};
use super::line::{Line, line};
use super::path::path;
use super::per_token::PerToken;
use super::polynomial::{Form, Parabola, Weighted, minimum, runs_used};
use super::surface::{self, Objective, Surface};

/// What an approach rests on, for one arm.
#[derive(Clone, Debug)]
pub(super) enum Method {
    Profiles {
        form: Form,
        cells: Vec<Cell>,
    },
    Surface {
        runs: Vec<usize>,
        points: Vec<surface::Point>,
        objective: Objective,
        from: Surface,
        per_token: PerToken,
    },
    Envelope {
        points: Vec<EnvelopePoint>,
    },
}

/// The runs of an arm at one budget.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Place among the arm's profiles.
    pub(super) profile: usize,
    pub(super) log_flops: f64,
    /// (log N, L) of each run, and its place among the observations.
    pub(super) runs: Vec<(f64, f64, usize)>,
    /// Whether the frontier goes through its vertex.
    pub(super) used: bool,
}

/// What an approach says for one set of weights.
#[derive(Clone, Debug)]
pub(super) enum Drawn {
    Profiles {
        vertices: Vec<Option<Parabola>>,
        lines: Option<(Line, Line)>,
    },
    Surface(Surface),
    Envelope(Line),
}

impl Drawn {
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

    /// log L and log N in log C, of profiles.
    pub(super) fn lines(&self) -> Option<(Line, Line)> {
        match self {
            Self::Profiles { lines, .. } => *lines,
            _ => None,
        }
    }
}

impl Method {
    /// What it says where runs have these weights, by their places among the observations.
    pub(super) fn draw(&self, weights: &[f64]) -> Option<Drawn> {
        match self {
            Self::Profiles { form, cells } => {
                let vertex = |cell: &Cell| minimum(*form, &cell.weighted(|run| weights[run])).ok();
                let vertices: Vec<_> = cells.iter().map(vertex).collect();
                let lines = lines(cells, &vertices);
                Some(Drawn::Profiles { vertices, lines })
            }
            Self::Surface {
                runs,
                points,
                objective,
                from,
                ..
            } => {
                let weights: Vec<f64> = runs.iter().map(|run| weights[*run]).collect();
                surface::refit(points, &weights, from, *objective).map(Drawn::Surface)
            }
            Self::Envelope { points } => {
                let loss =
                    envelope::loss_line(points, |run| weights[run] > super::resample::PRESENT)?;
                Some(Drawn::Envelope(loss))
            }
        }
    }

    /// The law that it comes to.
    pub(super) fn law(&self, drawn: &Drawn) -> Option<Law> {
        match (self, drawn) {
            (Self::Surface { per_token, .. }, Drawn::Surface(surface)) => {
                path(surface, per_token).map(Law::Path)
            }
            (_, Drawn::Envelope(loss)) => Some(power(loss)),
            _ => drawn.lines().map(|(loss, _)| power(&loss)),
        }
    }

    /// The optima that the frontier goes through, as (log C, L*), of profiles.
    pub(super) fn optima(&self, drawn: &Drawn) -> Option<Vec<(f64, f64)>> {
        let Self::Profiles { cells, .. } = self else {
            return None;
        };
        let optima = used(cells, drawn.vertices()?);
        let optima = optima.map(|(cell, vertex)| Some((cell.log_flops, vertex?.loss_opt)));
        Some(optima.flatten().collect())
    }

    /// Numbers that it spends its runs on.
    pub(super) fn parameters(&self) -> usize {
        match self {
            Self::Profiles { form, cells } => {
                cells.len() * if *form == Form::Cubic { 4 } else { 3 }
            }
            Self::Surface { .. } => 5,
            Self::Envelope { .. } => 2,
        }
    }

    /// How many runs it rests on.
    pub(super) fn runs(&self) -> usize {
        match self {
            Self::Profiles { form, cells } => cells
                .iter()
                .map(|cell| runs_used(*form, &cell.weighted(|_| 1.0)))
                .sum(),
            _ => self.places().len(),
        }
    }

    /// The runs that it rests on, by their places among the observations.
    pub(super) fn places(&self) -> Vec<usize> {
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

    /// The approach.
    pub(super) fn approach(&self) -> Approach {
        match self {
            Self::Profiles {
                form: Form::Parabola,
                ..
            } => Approach::Profiles,
            Self::Profiles {
                form: Form::Cubic, ..
            } => Approach::ProfilesCubic,
            Self::Profiles {
                form: Form::Windowed,
                ..
            } => Approach::ProfilesWindowed,
            Self::Surface { .. } => Approach::Surface,
            Self::Envelope { .. } => Approach::Envelope,
        }
    }
}

impl Cell {
    fn weighted(&self, weight: impl Fn(usize) -> f64) -> Vec<Weighted> {
        let runs = self.runs.iter();
        runs.map(|(log_n, loss, run)| (*log_n, *loss, weight(*run)))
            .collect()
    }
}

/// The cells that the frontier goes through, with their vertices.
fn used<'a>(
    cells: &'a [Cell],
    vertices: &'a [Option<Parabola>],
) -> impl Iterator<Item = (&'a Cell, Option<Parabola>)> {
    let cells = cells.iter().zip(vertices.iter().copied());
    cells.filter(|(cell, _)| cell.used)
}

/// log L and log N in log C through the vertices of the cells that are used; all of them must be there.
fn lines(cells: &[Cell], vertices: &[Option<Parabola>]) -> Option<(Line, Line)> {
    let points: Option<Vec<(f64, Parabola)>> = used(cells, vertices)
        .map(|(cell, vertex)| Some((cell.log_flops, vertex.filter(|v| v.loss_opt > 0.0)?)))
        .collect();
    let points = points.filter(|points| points.len() >= 2)?;
    let loss = line(points.iter().map(|(c, v)| (*c, v.loss_opt.ln())));
    (loss.slope < 0.0).then(|| (loss, line(points.iter().map(|(c, v)| (*c, v.log_n_opt)))))
}

pub(super) fn power(loss: &Line) -> Law {
    Law::Power(PowerLaw {
        e: 0.0,
        log_a: loss.intercept,
        k: -loss.slope,
    })
}
