//! Which approach compares two arms, and how much their multiplier owes to that and to other choices.

use super::made::Made;
use super::multiplier::Pair;
use super::{
    Approach, ArmFit, ByApproach, Carried, Comparison, ComparisonRefusal, Settings, Study,
    frontier, multiplier, sensitivity,
};

/// An arm with what is told of it.
pub(super) type Told<'a> = (&'a Carried<'a>, &'a ArmFit);

/// The comparison of an arm with the baseline, by the approach asked for or the first that both have.
pub(super) fn compared(
    study: &Study,
    seen: &Study,
    settings: &Settings,
    base: Option<Told<'_>>,
    other: Told<'_>,
) -> Comparison {
    let names = [settings.baseline.as_str(), other.1.arm.as_str()];
    let pairs = base.map_or_else(Vec::new, |base| pairs(base.0, other.0));
    let (Some(base), Some((pair, mut comparison))) = (base, first_sure(&pairs, names, settings))
    else {
        let asked = settings.approach.unwrap_or(Approach::ALL[0]);
        let reason = no_frontier(asked, names, [base, Some(other)]);
        return Comparison::of(names, asked, Err(reason));
    };
    let headline = comparison.headline.as_ref().ok().copied();
    if let Some(headline) = headline.filter(|_| settings.approach.is_none()) {
        // Surfaces have an irreducible loss.
        let by_surface = pairs
            .iter()
            .find(|pair| pair.approach() == Approach::Surface);
        let growth = by_surface.and_then(|pair| pair.growth(headline.flops));
        comparison.growth = growth.or(comparison.growth);
    }
    if let Some(headline) = headline.filter(|_| settings.replicates > 0) {
        let by = |pair: &Pair<'_>| ByApproach {
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
    let asked = settings.approach;
    let is_asked = |pair: &&Pair<'_>| asked.is_none_or(|asked| pair.approach() == asked);
    let mut first = None;
    for pair in pairs.iter().filter(is_asked) {
        let comparison = multiplier::compare(names, pair, settings.extrapolate);
        if comparison.is_sure() {
            return Some((pair, comparison));
        }
        first = first.or(Some((pair, comparison)));
    }
    first
}

/// Why the first of two arms that has no frontier has none.
fn no_frontier(
    asked: Approach,
    names: [&str; 2],
    told: [Option<Told<'_>>; 2],
) -> ComparisonRefusal {
    let reason = |(arm, told): (_, Option<Told<'_>>)| match told {
        Some((_, told)) => Some((
            arm,
            frontier::refusal(asked, &told.surface, &told.profiles)?,
        )),
        None => Some((arm, "it has no finished run".to_owned())),
    };
    let found = names.into_iter().zip(told).find_map(reason);
    let none = || (names[1], format!("`{}` gives none", asked.name()));
    let (arm, reason) = found.unwrap_or_else(none);
    ComparisonRefusal::NoFrontier {
        arm: arm.to_owned(),
        reason,
    }
}
