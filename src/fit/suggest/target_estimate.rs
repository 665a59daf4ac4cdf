//! Arms that runs are suggested for, and the current estimate of the target.

use super::super::arm_estimate::ArmEstimate;
use super::super::estimates::ArmEstimates;
use super::super::multiplier::LawPair;
use super::super::numbers::range;
use super::super::surface::Surface;
use super::super::{Approach, Interval};
use super::design::{NoisySurface, Row};
use super::grid::ArmRuns;
use super::{SuggestRefusal, SuggestionRequest, noise, target};

/// Arm with everything that a design needs.
pub(super) struct DesignArm<'a> {
    pub(super) name: &'a str,
    pub(super) made: &'a ArmEstimate,
    pub(super) noisy: NoisySurface,
    pub(super) runs: ArmRuns<'a>,
}

impl<'a> DesignArm<'a> {
    pub(super) fn of(carried: &'a [ArmEstimates<'a>], name: &str) -> Result<Self, SuggestRefusal> {
        let none = |reason: &str| SuggestRefusal::NoSurface {
            arm: name.to_owned(),
            reason: reason.to_owned(),
        };
        let arm = carried
            .iter()
            .find(|arm| arm.prepared.name == name)
            .ok_or_else(|| none("it has no finished runs"))?;
        let (fit, per_token) = arm
            .prepared
            .surface
            .as_ref()
            .map_err(|reason| none(&reason.to_string()))?;
        let made = ArmEstimate::of_approach(Approach::Surface, &arm.estimates);
        let made =
            made.ok_or_else(|| none("a term of the surface is zero, so no size is optimal"))?;
        let runs = arm.prepared.fresh.clone();
        let noisy = noise::around(fit.surface, &runs);
        Ok(Self {
            name: &arm.prepared.name,
            made,
            noisy,
            runs: ArmRuns {
                runs,
                per_token: *per_token,
            },
        })
    }

    /// Returns the lowest and the highest log(D/N) of its runs.
    pub(super) fn ratios(&self) -> (f64, f64) {
        let (low, high) = range(self.runs.runs.iter().map(|run| run.tokens / run.params));
        (low.ln(), high.ln())
    }
}

/// Current estimate of the target, with its gradient.
pub(super) struct TargetEstimate {
    pub(super) value: f64,
    pub(super) interval: Option<Interval>,
    pub(super) flops: Option<f64>,
    pub(super) gradient: Vec<Row>,
}

pub(super) fn estimate_target(
    arms: &[DesignArm<'_>],
    wanted: &SuggestionRequest,
) -> Result<TargetEstimate, SuggestRefusal> {
    let [base, other] = arms else {
        let arm = &arms[0];
        let of = |surface: &Surface| wanted.target.exponent(surface).unwrap_or(f64::NAN);
        return Ok(TargetEstimate {
            value: of(&arm.noisy.surface),
            interval: arm.made.surface_interval(of),
            flops: None,
            gradient: vec![wanted.target.of_exponent(&arm.noisy.surface)],
        });
    };
    let pair = LawPair::of(base.made, other.made);
    let flops = wanted.at_flops.or_else(|| pair.middle());
    let flops = flops.ok_or(SuggestRefusal::NoOverlap)?;
    let point = pair.point(flops, true);
    let costs = [&base.runs.per_token, &other.runs.per_token];
    let gradient = target::of_multiplier([&base.noisy, &other.noisy], costs, other.made, flops);
    let (value, gradient) = point
        .value
        .zip(gradient)
        .ok_or(SuggestRefusal::TooFar { flops })?;
    Ok(TargetEstimate {
        value,
        interval: point.interval(),
        flops: Some(flops),
        gradient,
    })
}
