//! Choice of the approach that compares two arms, and sensitivity of the multiplier to other
//! choices.

use super::arm_estimate::ArmEstimate;
use super::multiplier::LawPair;
use super::{
    Approach, ApproachMultiplier, ArmEstimates, ArmFit, Comparison, ComparisonRefusal, FitSettings,
    Study, frontier, multiplier, sensitivity,
};

/// Estimates and fits of an arm.
pub(super) type FittedArm<'a> = (&'a ArmEstimates<'a>, &'a ArmFit);

/// Compares an arm with the baseline, by the requested approach or the first with an interval.
pub(super) fn compare_with_baseline(
    study: &Study,
    seen: &Study,
    settings: &FitSettings,
    base: Option<FittedArm<'_>>,
    other: FittedArm<'_>,
) -> Comparison {
    let names = [settings.baseline.as_str(), other.1.arm.as_str()];
    let pairs = base.map_or_else(Vec::new, |base| pairs(base.0, other.0));
    let (Some(base), Some((pair, mut comparison))) =
        (base, choose_approach(&pairs, names, settings))
    else {
        let asked = settings.approach.unwrap_or(Approach::ALL[0]);
        let reason = frontier_refusal(asked, names, [base, Some(other)]);
        return Comparison::of(names, asked, Err(reason));
    };
    let headline = comparison.headline.as_ref().ok().copied();
    if let Some(headline) = headline.filter(|_| settings.approach.is_none()) {
        // Prefer the growth by surfaces. They have an irreducible loss, which power laws lack.
        let by_surface = pairs
            .iter()
            .find(|pair| pair.approach() == Approach::Surface);
        let growth = by_surface.and_then(|pair| pair.growth(headline.flops));
        comparison.growth = growth.or(comparison.growth);
    }
    if let Some(headline) = headline.filter(|_| settings.replicates > 0) {
        let by = |pair: &LawPair<'_>| ApproachMultiplier {
            approach: pair.approach(),
            point: pair.point(headline.flops, true),
        };
        comparison.approaches = pairs.iter().map(by).collect();
        let told = [base.1, other.1];
        comparison.alternatives =
            sensitivity::alternatives(study, settings, pair, told, headline.loss);
        comparison.influence = sensitivity::influence(seen, pair, headline.flops);
    }
    comparison
}

/// Pairs the laws of both arms, for each approach that both have.
fn pairs<'a>(base: &'a ArmEstimates<'_>, other: &'a ArmEstimates<'_>) -> Vec<LawPair<'a>> {
    let by = |approach: Approach| {
        Some(LawPair::of(
            ArmEstimate::of_approach(approach, &base.estimates)?,
            ArmEstimate::of_approach(approach, &other.estimates)?,
        ))
    };
    Approach::ALL.into_iter().filter_map(by).collect()
}

/// Compares by the requested approach, or else by the first that gives an interval. If no approach
/// gives one, compares by the first.
fn choose_approach<'a>(
    pairs: &'a [LawPair<'a>],
    names: [&str; 2],
    settings: &FitSettings,
) -> Option<(&'a LawPair<'a>, Comparison)> {
    let asked = settings.approach;
    let is_asked = |pair: &&LawPair<'_>| asked.is_none_or(|asked| pair.approach() == asked);
    let mut first = None;
    for pair in pairs.iter().filter(is_asked) {
        let comparison = multiplier::compare(names, pair, settings.extrapolate);
        if comparison.has_measured_interval() {
            return Some((pair, comparison));
        }
        first = first.or(Some((pair, comparison)));
    }
    first
}

/// Returns the reason that there is no frontier, for the first of two arms without one.
fn frontier_refusal(
    asked: Approach,
    names: [&str; 2],
    told: [Option<FittedArm<'_>>; 2],
) -> ComparisonRefusal {
    let reason = |(arm, told): (_, Option<FittedArm<'_>>)| match told {
        Some((_, told)) => Some((
            arm,
            frontier::refusal(asked, &told.surface, &told.profiles)?,
        )),
        None => Some((arm, "it has no finished run".to_owned())),
    };
    let found = names.into_iter().zip(told).find_map(reason);
    let none = || (names[1], format!("approach `{}` found none", asked.name()));
    let (arm, reason) = found.unwrap_or_else(none);
    ComparisonRefusal::NoFrontier {
        arm: arm.to_owned(),
        reason,
    }
}
