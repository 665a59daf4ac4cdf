//! Which approach compares two arms, and how much their multiplier owes to that and to other choices.

use super::made::Made;
use super::multiplier::Pair;
use super::{
    Approach, ArmFit, Carried, Comparison, ComparisonRefusal, Growth, Settings, Study, frontier, multiplier,
    sensitivity,
};

/// The comparison of an arm with the baseline, by the approach asked for or the first that both have.
pub(super) fn compared(
    study: &Study,
    seen: &Study,
    settings: &Settings,
    carried: &[Carried<'_>],
    told: &[ArmFit],
    other: &Carried<'_>,
) -> Comparison {
    let (baseline, variant) = (settings.baseline.as_str(), other.prepared.name.as_str());
    let base = carried.iter().find(|arm| arm.prepared.name == baseline);
    let offered = settings.approach.map_or(Approach::ALL.to_vec(), |approach| vec![approach]);
    let Some((base, (first, second))) = base.and_then(|base| Some((base, first_of(&offered, base, other)?))) else {
        return multiplier::refused(baseline, variant, offered[0], no_frontier(told, &offered, [baseline, variant]));
    };
    let mut comparison = multiplier::compare((baseline, first), (variant, second), settings.extrapolate);
    let headline = comparison.headline.as_ref().ok().copied();
    if let Some(headline) = headline.filter(|_| settings.approach.is_none()) {
        comparison.growth = growth_by_surface(base, other, headline.flops).or(comparison.growth);
    }
    if let Some(headline) = headline.filter(|_| settings.replicates > 0) {
        let arm = |name: &str| told.iter().find(|arm| arm.arm == name);
        let profiles = [baseline, variant].map(|name| arm(name).map(|arm| arm.profiles.as_slice()).unwrap_or_default());
        let floors = [baseline, variant].map(|name| Some(arm(name)?.surface.as_ref().ok()?.surface.e));
        comparison.approaches = sensitivity::by_approach(&base.made, &other.made, headline.flops);
        comparison.alternatives =
            sensitivity::alternatives(study, settings, &comparison, [first, second], profiles, floors);
        comparison.influence = sensitivity::influence(seen, first, second, headline.flops);
    }
    comparison
}

/// How the multiplier grows by the surfaces, which have an irreducible loss, where both arms have one.
fn growth_by_surface(base: &Carried<'_>, other: &Carried<'_>, flops: f64) -> Option<Growth> {
    let [base, other] = [&base.made, &other.made].map(|made| Made::by(Approach::Surface, made));
    Pair::of(base?, other?).growth(flops)
}

/// The first of the approaches that both arms have and that gives their multiplier an interval, and else the first that both have.
fn first_of<'a>(offered: &[Approach], base: &'a Carried<'_>, other: &'a Carried<'_>) -> Option<(&'a Made, &'a Made)> {
    let both = |by: &Approach| Some((Made::by(*by, &base.made)?, Made::by(*by, &other.made)?));
    let found: Vec<(&Made, &Made)> = offered.iter().filter_map(both).collect();
    let is_sure = |(base, other): &&(&Made, &Made)| Pair::of(base, other).has_interval();
    found.iter().find(is_sure).or(found.first()).copied()
}

/// Why the first of two arms that has no frontier has none.
fn no_frontier(told: &[ArmFit], offered: &[Approach], names: [&str; 2]) -> ComparisonRefusal {
    let refusal = |arm: &ArmFit| match offered[0] {
        Approach::Surface => arm.surface.as_ref().err().map(ToString::to_string),
        Approach::Envelope => None,
        _ => frontier::fit(&arm.profiles).err().map(|reason| reason.to_string()),
    };
    let reason = |name: &str| match told.iter().find(|arm| arm.arm == name) {
        Some(arm) => refusal(arm),
        None => Some("it has no finished run".to_owned()),
    };
    let found = names.into_iter().find_map(|name| Some((name, reason(name)?)));
    let (arm, reason) = found.unwrap_or((names[1], format!("`{}` gives none", offered[0].name())));
    ComparisonRefusal::NoFrontier { arm: arm.to_owned(), reason }
}
