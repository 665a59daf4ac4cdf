//! The arms that runs are suggested for, and what is to be known of them better.

use super::super::carried::Carried;
use super::super::made::Made;
use super::super::multiplier::Pair;
use super::super::numbers::range;
use super::super::surface::Surface;
use super::super::{Approach, Interval};
use super::design::{Noisy, Row};
use super::grid::Runs;
use super::{SuggestRefusal, Wanted, noise, target};

/// An arm with all that a design needs of it.
pub(super) struct Arm<'a> {
    pub(super) name: &'a str,
    pub(super) made: &'a Made,
    pub(super) noisy: Noisy,
    pub(super) runs: Runs<'a>,
}

impl<'a> Arm<'a> {
    pub(super) fn of(carried: &'a [Carried<'a>], name: &str) -> Result<Self, SuggestRefusal> {
        let none = |reason: &str| SuggestRefusal::NoSurface {
            arm: name.to_owned(),
            reason: reason.to_owned(),
        };
        let arm = carried
            .iter()
            .find(|arm| arm.prepared.name == name)
            .ok_or_else(|| none("it has no finished run"))?;
        let (fit, per_token) = arm
            .prepared
            .surface
            .as_ref()
            .map_err(|reason| none(&reason.to_string()))?;
        let made = Made::by(Approach::Surface, &arm.made);
        let made = made.ok_or_else(|| none("one of its terms is zero, so that no size is best"))?;
        let runs = arm.prepared.fresh.clone();
        let noisy = noise::around(fit.surface, &runs);
        Ok(Self {
            name: &arm.prepared.name,
            made,
            noisy,
            runs: Runs {
                runs,
                per_token: *per_token,
            },
        })
    }

    /// Least and most log(D/N) of its runs.
    pub(super) fn ratios(&self) -> (f64, f64) {
        let (low, high) = range(self.runs.runs.iter().map(|run| run.tokens / run.params));
        (low.ln(), high.ln())
    }
}

/// The target as it is, with its gradient.
pub(super) struct Aim {
    pub(super) value: f64,
    pub(super) interval: Option<Interval>,
    pub(super) flops: Option<f64>,
    pub(super) gradient: Vec<Row>,
}

pub(super) fn aim(arms: &[Arm<'_>], wanted: &Wanted) -> Result<Aim, SuggestRefusal> {
    let [base, other] = arms else {
        let arm = &arms[0];
        let of = |surface: &Surface| wanted.target.exponent(surface).unwrap_or(f64::NAN);
        return Ok(Aim {
            value: of(&arm.noisy.surface),
            interval: arm.made.surface_interval(of),
            flops: None,
            gradient: vec![wanted.target.of_exponent(&arm.noisy.surface)],
        });
    };
    let pair = Pair::of(base.made, other.made);
    let flops = wanted.at_flops.or_else(|| pair.middle());
    let flops = flops.ok_or(SuggestRefusal::NoOverlap)?;
    let point = pair.point(flops, true);
    let costs = [&base.runs.per_token, &other.runs.per_token];
    let gradient = target::of_multiplier([&base.noisy, &other.noisy], costs, other.made, flops);
    let (value, gradient) = point
        .value
        .zip(gradient)
        .ok_or(SuggestRefusal::TooFar { flops })?;
    Ok(Aim {
        value,
        interval: point.interval(),
        flops: Some(flops),
        gradient,
    })
}
