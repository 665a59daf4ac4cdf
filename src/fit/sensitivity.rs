//! How much a multiplier owes to choices that could have been made otherwise, and to single runs.

use super::law::Law;
use super::made::Made;
use super::method::Method;
use super::multiplier::{Pair, log_multiplier};
use super::path::path;
use super::surface::{self, Objective};
use super::{
    Alternative, Approach, ArmFit, Cost, Count, Influence, PowerLaw, Profile, Settings, Study,
    convention, fit_arms, irreducible,
};

/// Runs that are named; the others have less influence.
const NAMED: usize = 3;
/// Runs up to which each is left out in turn: beyond, none of them matters alone.
const FEW: usize = 2000;

/// The multiplier without each run of the two arms, the furthest from the estimate first.
pub(super) fn influence(study: &Study, pair: &Pair<'_>, flops: f64) -> Vec<Influence> {
    let Some(whole) = log_multiplier(&pair.base.law, &pair.other.law, flops) else {
        return Vec::new();
    };
    if study.observations.len() > FEW {
        return Vec::new();
    }
    let arms = [pair.base, pair.other].map(|made| (made, made.method.places()));
    let without = |at: usize| {
        let mut weights = vec![1.0; study.observations.len()];
        weights[at] = 0.0;
        let law = |(made, places): &(&Made, Vec<usize>)| {
            if places.contains(&at) {
                made.method.law(&made.method.draw(&weights)?)
            } else {
                Some(made.law.clone())
            }
        };
        log_multiplier(&law(&arms[0])?, &law(&arms[1])?, flops)
    };
    let places = arms.iter().flat_map(|(_, places)| places);
    let mut all: Vec<(usize, f64)> = places.filter_map(|at| Some((*at, without(*at)?))).collect();
    all.sort_by(|a, b| (b.1 - whole).abs().total_cmp(&(a.1 - whole).abs()));
    let named = all.into_iter().take(NAMED);
    named
        .map(|(at, value)| Influence {
            run: study.observations[at].run.clone(),
            value: value.exp(),
        })
        .collect()
}

/// The other counts, costs, objectives and floors, at the loss of the headline.
pub(super) fn alternatives(
    study: &Study,
    settings: &Settings,
    pair: &Pair<'_>,
    told: [&ArmFit; 2],
    loss: f64,
) -> Vec<Alternative> {
    let approach = pair.approach();
    let names = told.map(|arm| arm.arm.as_str());
    let refitted = otherwise(settings, approach)
        .filter(|(_, other)| is_known(study, other))
        .map(|(choice, other)| Alternative {
            choice: choice.to_owned(),
            value: refit(study, &other, approach, names).and_then(|laws| saving(laws, loss)),
        });
    let floors = told.map(|arm| Some(arm.surface.as_ref().ok()?.surface.e));
    let rest = match approach {
        Approach::Profiles => other_floors(told.map(|arm| arm.profiles.as_slice()), floors, loss),
        Approach::Surface => pinned_floors(pair, floors, loss),
        _ => Vec::new(),
    };
    refitted.chain(rest).collect()
}

/// The multiplier at a loss.
fn saving([base, other]: [Law; 2], loss: f64) -> Option<f64> {
    Some(base.flops(loss)? / other.flops(loss)?)
}

/// Power laws through the profiles' vertices with another E, and with one exponent.
fn other_floors(
    profiles: [&[Profile]; 2],
    floors: [Option<f64>; 2],
    loss: f64,
) -> Vec<Alternative> {
    let at = |laws: [PowerLaw; 2]| saving(laws.map(Law::Power), loss);
    let parallel = irreducible::parallel(profiles).map(|(k, value)| Alternative {
        choice: format!("one exponent for both frontiers: k = {k:.3}"),
        value: Some(value),
    });
    let shared = irreducible::shared(profiles).map(|(e, at_bound, laws)| {
        let bound = if at_bound { ", at its bound" } else { "" };
        Alternative {
            choice: format!("one E for both frontiers: {e:.3} nats/token{bound}"),
            value: at(laws),
        }
    });
    let own = floors[0].zip(floors[1]).map(|(first, second)| Alternative {
        choice: format!("E of each surface: {first:.3} and {second:.3} nats/token"),
        value: irreducible::pinned(profiles[0], first)
            .zip(irreducible::pinned(profiles[1], second))
            .and_then(|(base, other)| at([base, other])),
    });
    [parallel, shared, own].into_iter().flatten().collect()
}

/// Both surfaces with the E of either.
fn pinned_floors(pair: &Pair<'_>, floors: [Option<f64>; 2], loss: f64) -> Vec<Alternative> {
    let law = |made: &Made, e: f64| {
        let Method::Surface {
            points,
            objective,
            from,
            per_token,
            ..
        } = &made.method
        else {
            return None;
        };
        path(&surface::pinned(points, from, e, *objective)?, per_token).map(Law::Path)
    };
    let one = |e: f64| Alternative {
        choice: format!("E of both surfaces held at {e:.3} nats/token"),
        value: law(pair.base, e)
            .zip(law(pair.other, e))
            .and_then(|(base, other)| saving([base, other], loss)),
    };
    let floors = floors.into_iter().flatten();
    floors.filter(|e| *e > 0.0).map(one).collect()
}

type Change = fn(&mut Settings);

/// The choices that every approach has.
const CHOICES: [(&str, Change); 5] = [
    ("N without the embedding", |s| {
        s.count = Count::WithoutEmbedding;
    }),
    ("N with the embedding", |s| s.count = Count::Total),
    ("cost as given", |s| s.cost = Cost::Flops),
    ("cost as 6ND", |s| s.cost = Cost::SixNd),
    ("cost in device-seconds", |s| s.cost = Cost::DeviceSeconds),
];

/// Those that a surface has beside them.
const OBJECTIVES: [(&str, Change); 3] = [
    ("surface by Huber's loss", |s| {
        s.objective = Objective::default();
    }),
    ("surface by least squares", |s| {
        s.objective = Objective::LeastSquares;
    }),
    ("surface by likelihood", |s| {
        s.objective = Objective::Likelihood;
    }),
];

/// The settings that differ in one choice.
fn otherwise(
    settings: &Settings,
    approach: Approach,
) -> impl Iterator<Item = (&'static str, Settings)> {
    let objectives = OBJECTIVES
        .into_iter()
        .filter(move |_| approach == Approach::Surface);
    CHOICES
        .into_iter()
        .chain(objectives)
        .filter_map(move |(choice, change)| {
            let mut other = settings.clone();
            change(&mut other);
            let is_other = other != *settings;
            (other.replicates, other.approach) = (0, Some(approach));
            is_other.then_some((choice, other))
        })
}

/// Whether every run has what the settings ask for: else it is no choice.
fn is_known(study: &Study, settings: &Settings) -> bool {
    let knows = |run: &super::Observation| {
        (settings.count == Count::Total || run.further.params_without_embedding.is_some())
            && (settings.cost != Cost::DeviceSeconds || run.further.device_seconds.is_some())
    };
    study.observations.iter().all(knows)
}

fn refit(
    study: &Study,
    settings: &Settings,
    approach: Approach,
    names: [&str; 2],
) -> Option<[Law; 2]> {
    let seen = convention::under(&study.of_arms(&names), settings);
    let arms = fit_arms(&seen, settings);
    let law = |name: &str| {
        let arm = arms.iter().find(|arm| arm.prepared.name == name)?;
        Some(Made::by(approach, &arm.made)?.law.clone())
    };
    Some([law(names[0])?, law(names[1])?])
}
