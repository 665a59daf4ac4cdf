//! Which approach compares two arms, and how much their multiplier owes to that and to other choices.

use super::made::Made;
use super::multiplier::Pair;
use super::{
    Alternative, Approach, ArmFit, Carried, Comparison, ComparisonRefusal, Settings, Study,
    frontier, multiplier, sensitivity,
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
    let names = [settings.baseline.as_str(), other.prepared.name.as_str()];
    let base = carried
        .iter()
        .find(|arm| arm.prepared.name == settings.baseline);
    let pairs = base.map_or_else(Vec::new, |base| pairs(base, other));
    let Some((pair, mut comparison)) = first_sure(&pairs, names, settings) else {
        let asked = settings.approach.unwrap_or(Approach::ALL[0]);
        return multiplier::refused(names[0], names[1], asked, no_frontier(told, asked, names));
    };
    let headline = comparison.headline.as_ref().ok().copied();
    if let Some(headline) = headline.filter(|_| settings.approach.is_none()) {
        // Surfaces have an irreducible loss.
        let by_surface = pairs
            .iter()
            .find(|pair| pair.approach() == Approach::Surface);
        comparison.growth = by_surface
            .and_then(|pair| pair.growth(headline.flops))
            .or(comparison.growth);
    }
    if let Some(headline) = headline.filter(|_| settings.replicates > 0) {
        comparison.approaches = sensitivity::by_approach(&pairs, headline.flops);
        comparison.alternatives = alternatives(study, settings, &comparison, told, pair);
        comparison.influence = sensitivity::influence(seen, pair.base, pair.other, headline.flops);
    }
    comparison
}

fn alternatives(
    study: &Study,
    settings: &Settings,
    comparison: &Comparison,
    told: &[ArmFit],
    pair: &Pair<'_>,
) -> Vec<Alternative> {
    let arms = [&comparison.baseline, &comparison.variant]
        .map(|name| told.iter().find(|arm| arm.arm == *name));
    let profiles = arms.map(|arm| arm.map_or(&[][..], |arm| &arm.profiles));
    let floors = arms.map(|arm| Some(arm?.surface.as_ref().ok()?.surface.e));
    let made = [pair.base, pair.other];
    sensitivity::alternatives(study, settings, comparison, made, profiles, floors)
}

/// Both arms by each approach that both have.
fn pairs<'a>(base: &'a Carried<'_>, other: &'a Carried<'_>) -> Vec<Pair<'a>> {
    let by = |approach: Approach| {
        Some(Pair::of(
            Made::by(approach, &base.made)?,
            Made::by(approach, &other.made)?,
        ))
    };
    Approach::ALL.into_iter().filter_map(by).collect()
}

/// The comparison by the approach asked for; where none is, by the first that gives an interval, and else by the first.
fn first_sure<'a>(
    pairs: &'a [Pair<'a>],
    names: [&str; 2],
    settings: &Settings,
) -> Option<(&'a Pair<'a>, Comparison)> {
    let mut first = None;
    for pair in pairs.iter().filter(|pair| {
        settings
            .approach
            .is_none_or(|asked| pair.approach() == asked)
    }) {
        let comparison = multiplier::compare(names, pair, settings.extrapolate);
        if comparison.is_sure() {
            return Some((pair, comparison));
        }
        first = first.or(Some((pair, comparison)));
    }
    first
}

/// Why the first of two arms that has no frontier has none.
fn no_frontier(told: &[ArmFit], asked: Approach, names: [&str; 2]) -> ComparisonRefusal {
    let refusal = |arm: &ArmFit| match asked {
        Approach::Surface => arm.surface.as_ref().err().map(ToString::to_string),
        Approach::Envelope => None,
        _ => frontier::fit(&arm.profiles)
            .err()
            .map(|reason| reason.to_string()),
    };
    let reason = |name: &str| match told.iter().find(|arm| arm.arm == name) {
        Some(arm) => refusal(arm),
        None => Some("it has no finished run".to_owned()),
    };
    let found = names
        .into_iter()
        .find_map(|name| Some((name, reason(name)?)));
    let (arm, reason) = found.unwrap_or((names[1], format!("`{}` gives none", asked.name())));
    ComparisonRefusal::NoFrontier {
        arm: arm.to_owned(),
        reason,
    }
}
