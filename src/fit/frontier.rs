//! The compute-optimal frontier: L*(C) = a·C^-k, the form of So et al. (arXiv:2109.08668), which has no irreducible term,
//! or L*(C) = E + a·C^-k where a surface gives E; and N*(C) = g·C^p.

use schemars::JsonSchema;
use serde::Serialize;

use super::law::{Law, PowerLaw};
use super::line::{Line, line};
use super::made::Made;
use super::method::Drawn;
use super::numbers::range;
use super::surface::SurfaceRefusal;
use super::{Approach, Interval, Profile, Vertex};

/// A power law of loss and one of size in compute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Frontier {
    /// What it was made by.
    pub approach: Approach,
    /// Irreducible loss, nats/token: 0 in the form that has none.
    #[serde(rename = "E")]
    pub e: f64,
    /// Factor of the loss, nats/token at C = 1.
    pub a: f64,
    /// Exponent of the loss: L* - E falls as C^-k.
    pub k: f64,
    /// 95% interval of k.
    pub k_interval: Option<Interval>,
    /// Factor of the size, parameters at C = 1.
    pub n_factor: f64,
    /// Exponent of the size: N* grows as C^p.
    pub n_exponent: f64,
    /// 95% interval of p.
    pub n_exponent_interval: Option<Interval>,
    /// Profiles it goes through; with two it has no residual, and without any it is a surface's.
    pub profiles_used: usize,
    /// Profiles that were refused or extrapolated.
    pub profiles_left_out: usize,
    /// Compute that it was measured at, least and most, FLOPs.
    pub flops_range: (f64, f64),
    /// L* there, least and most, nats/token.
    pub loss_range: (f64, f64),
    /// The largest budget predicted from the others; absent with fewer than three.
    pub holdout: Option<Holdout>,
}

/// The loss at the largest budget, and what a fit without it says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Holdout {
    /// Compute, FLOPs.
    pub flops: f64,
    /// L* there, nats/token.
    pub measured: f64,
    /// L* there by the frontier through the other profiles.
    pub predicted: f64,
}

impl Frontier {
    /// L*(C), nats/token.
    pub fn loss(&self, flops: f64) -> f64 {
        self.law().loss(flops)
    }

    /// N*(C), parameters.
    pub fn size(&self, flops: f64) -> f64 {
        self.n_factor * flops.powf(self.n_exponent)
    }

    /// L*(C) and its inverse.
    pub fn law(&self) -> PowerLaw {
        PowerLaw {
            e: self.e,
            log_a: self.a.ln(),
            k: self.k,
        }
    }
}

/// Why there is no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrontierRefusal {
    /// A line needs two points.
    #[error(
        "{usable} of {profiles} profiles have their optimum within the measured sizes; a frontier needs at least 2"
    )]
    TooFewProfiles {
        /// Profiles with a usable vertex.
        usable: usize,
        /// All profiles.
        profiles: usize,
    },
    /// More compute must mean less loss.
    #[error("the loss does not fall with compute, so no cost can be given for a loss")]
    NotFalling,
}

/// The vertices a frontier goes through: (C, vertex).
pub(super) fn usable(profiles: &[Profile]) -> Vec<(f64, Vertex)> {
    profiles
        .iter()
        .filter_map(|profile| Some((profile.flops, profile.trusted()?)))
        .collect()
}

pub(super) fn fit(profiles: &[Profile]) -> Result<Frontier, FrontierRefusal> {
    let vertices = usable(profiles);
    if vertices.len() < 2 {
        return Err(FrontierRefusal::TooFewProfiles {
            usable: vertices.len(),
            profiles: profiles.len(),
        });
    }
    let loss = line(vertices.iter().map(|(c, v)| (c.ln(), v.loss_opt.ln())));
    let size = line(vertices.iter().map(|(c, v)| (c.ln(), v.n_opt.ln())));
    if loss.slope >= 0.0 {
        return Err(FrontierRefusal::NotFalling);
    }
    Ok(Frontier {
        approach: Approach::Profiles,
        e: 0.0,
        a: loss.intercept.exp(),
        k: -loss.slope,
        k_interval: None,
        n_factor: size.intercept.exp(),
        n_exponent: size.slope,
        n_exponent_interval: None,
        profiles_used: vertices.len(),
        profiles_left_out: profiles.len() - vertices.len(),
        flops_range: range(vertices.iter().map(|(c, _)| *c)),
        loss_range: range(vertices.iter().map(|(_, v)| v.loss_opt)),
        holdout: holdout(&vertices),
    })
}

/// Why there is no law by an approach, where that is known.
pub(super) fn refusal<S>(
    by: Approach,
    surface: &Result<S, SurfaceRefusal>,
    profiles: &[Profile],
) -> Option<String> {
    match by {
        Approach::Surface => surface.as_ref().err().map(ToString::to_string),
        Approach::Envelope => None,
        _ => fit(profiles).err().map(|reason| reason.to_string()),
    }
}

fn holdout(vertices: &[(f64, Vertex)]) -> Option<Holdout> {
    let (last, others) = vertices.split_last()?;
    (others.len() >= 2).then(|| {
        let without = line(others.iter().map(|(c, v)| (c.ln(), v.loss_opt.ln())));
        Holdout {
            flops: last.0,
            measured: last.1.loss_opt,
            predicted: without.at(last.0.ln()).exp(),
        }
    })
}

/// The frontier along a surface, as E + a·C^-k within the compute that was measured: exact where a token costs 6N.
pub(super) fn along(made: &Made) -> Option<Frontier> {
    let (loss, size) = lines_along(made, &made.estimate)?;
    let surface = made.estimate.surface()?;
    Some(Frontier {
        approach: made.method.approach(),
        e: surface.e,
        a: loss.intercept.exp(),
        k: -loss.slope,
        k_interval: made.interval(|drawn| lines_along(made, drawn).map(|(loss, _)| -loss.slope)),
        n_factor: size.intercept.exp(),
        n_exponent: size.slope,
        n_exponent_interval: made
            .interval(|drawn| lines_along(made, drawn).map(|(_, size)| size.slope)),
        profiles_used: 0,
        profiles_left_out: 0,
        flops_range: made.flops_range,
        loss_range: made.loss_range,
        holdout: None,
    })
}

/// log(L* - E) and log N* in log C along a surface.
fn lines_along(made: &Made, drawn: &Drawn) -> Option<(Line, Line)> {
    const POINTS: usize = 9;
    let (Law::Path(path), surface) = (made.method.law(drawn)?, drawn.surface()?) else {
        return None;
    };
    let (first, last) = made.flops_range;
    let at = |i: usize| {
        let flops = first * (last / first).powf(i as f64 / (POINTS - 1) as f64);
        let (n, d) = path.optimum(flops)?;
        Some((flops.ln(), (surface.loss(n, d) - surface.e).ln(), n.ln()))
    };
    let points: Vec<(f64, f64, f64)> = (0..POINTS).map(at).collect::<Option<_>>()?;
    Some((
        line(points.iter().map(|p| (p.0, p.1))),
        line(points.iter().map(|p| (p.0, p.2))),
    ))
}
