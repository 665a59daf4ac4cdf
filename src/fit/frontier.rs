//! The compute-optimal frontier: L*(C) = a·C^-k, the form of So et al. (arXiv:2109.08668), which
//! has no irreducible term, or L*(C) = E + a·C^-k if a surface gives E; and N*(C) = g·C^p.

use schemars::JsonSchema;
use serde::Serialize;

use super::arm_estimate::ArmEstimate;
use super::law::{Law, PowerLaw};
use super::line::{LinearFit, line};
use super::method::Replicate;
use super::numbers::range;
use super::surface::SurfaceRefusal;
use super::{Approach, Interval, Profile, Vertex};

/// Power laws of loss and size in compute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Frontier {
    /// Approach that gives the frontier.
    pub approach: Approach,
    /// Irreducible loss, nats/token; 0 in the form without one.
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
    /// Number of profiles used: 2 leave no residual, 0 if the frontier is along a surface.
    pub profiles_used: usize,
    /// Number of profiles refused or extrapolated.
    pub profiles_left_out: usize,
    /// Smallest and largest measured compute, FLOPs.
    pub flops_range: (f64, f64),
    /// Smallest and largest L* within that compute, nats/token.
    pub loss_range: (f64, f64),
    /// Prediction of the largest budget from the others; absent with fewer than three profiles.
    pub holdout: Option<Holdout>,
}

/// Loss at the largest budget, measured and predicted by a fit to the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Holdout {
    /// Compute, FLOPs.
    pub flops: f64,
    /// Measured L*, nats/token.
    pub measured: f64,
    /// L* by the frontier through the other profiles, nats/token.
    pub predicted: f64,
}

impl Frontier {
    /// Returns L*(C), nats/token.
    pub fn loss(&self, flops: f64) -> f64 {
        self.law().loss(flops)
    }

    /// Returns N*(C), parameters.
    pub fn size(&self, flops: f64) -> f64 {
        self.n_factor * flops.powf(self.n_exponent)
    }

    /// Returns the law L*(C), which has an inverse.
    pub fn law(&self) -> PowerLaw {
        PowerLaw {
            e: self.e,
            log_a: self.a.ln(),
            k: self.k,
        }
    }
}

/// Reason that there is no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrontierRefusal {
    /// Fewer than the two profiles that a line needs.
    #[error(
        "{usable} of {profiles} profiles have their optimum within the measured sizes; a frontier needs at least 2"
    )]
    TooFewProfiles {
        /// Number of profiles with a usable vertex.
        usable: usize,
        /// Number of all profiles.
        profiles: usize,
    },
    /// The loss does not fall with compute.
    #[error("the loss does not fall with compute, so the cost of a loss is undefined")]
    NotFalling,
}

/// Returns the vertices that a frontier goes through, as (C, vertex).
pub(super) fn usable(profiles: &[Profile]) -> Vec<(f64, Vertex)> {
    profiles
        .iter()
        .filter_map(|profile| Some((profile.flops, profile.usable_vertex()?)))
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
    let loss = loss_line(&vertices);
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

/// Returns the reason that an approach gives no law, if it is known.
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

fn loss_line(vertices: &[(f64, Vertex)]) -> LinearFit {
    line(vertices.iter().map(|(c, v)| (c.ln(), v.loss_opt.ln())))
}

fn holdout(vertices: &[(f64, Vertex)]) -> Option<Holdout> {
    let ((flops, last), others) = vertices.split_last()?;
    (others.len() >= 2).then(|| Holdout {
        flops: *flops,
        measured: last.loss_opt,
        predicted: loss_line(others).at(flops.ln()).exp(),
    })
}

/// Computes the frontier along a surface, as E + a·C^-k within the measured compute. It is exact if
/// a token costs 6N FLOPs.
pub(super) fn along(made: &ArmEstimate) -> Option<Frontier> {
    let (loss, size) = lines_along(made, &made.estimate)?;
    let surface = made.estimate.surface()?;
    Some(Frontier {
        approach: made.method.approach(),
        e: surface.e,
        a: loss.intercept.exp(),
        k: -loss.slope,
        k_interval: made.interval(|drawn| Some(-lines_along(made, drawn)?.0.slope)),
        n_factor: size.intercept.exp(),
        n_exponent: size.slope,
        n_exponent_interval: made.interval(|drawn| Some(lines_along(made, drawn)?.1.slope)),
        profiles_used: 0,
        profiles_left_out: 0,
        flops_range: made.flops_range,
        loss_range: made.loss_range,
        holdout: None,
    })
}

/// Fits log(L* - E) and log N* in log C along a surface.
fn lines_along(made: &ArmEstimate, drawn: &Replicate) -> Option<(LinearFit, LinearFit)> {
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
