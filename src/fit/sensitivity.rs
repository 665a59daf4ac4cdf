//! How much a multiplier owes to choices that could have been made otherwise, and to single runs.

use super::law::Law;
use super::made::Made;
use super::method::Method;
use super::multiplier::{Pair, log_multiplier};
use super::path::path;
use super::surface::{self, Objective};
use super::{
    Alternative, Approach, ByApproach, Comparison, Cost, Count, Influence, PowerLaw, Profile,
    Settings, Study, fit_arms, irreducible,
};

/// Runs that are named; the others have less influence.
const NAMED: usize = 3;
/// Runs up to which each is left out in turn: beyond, none of them matters alone.
const FEW: usize = 2000;

/// Each approach that both arms have, at the same compute of the baseline.
pub(super) fn by_approach(pairs: &[Pair<'_>], flops: f64) -> Vec<ByApproach> {
    pairs
        .iter()
        .map(|pair| ByApproach {
            approach: pair.approach(),
            point: pair.anywhere(flops),
        })
        .collect()
}

/// The multiplier without each run of the two arms, the furthest from the estimate first.
pub(super) fn influence(study: &Study, base: &Made, other: &Made, flops: f64) -> Vec<Influence> {
    let Some(whole) = log_multiplier(&base.law, &other.law, flops) else {
        return Vec::new();
    };
    if study.observations.len() > FEW {
        return Vec::new();
    }
    let arms = [base, other].map(|made| made.method.places());
    let without = |at: usize| {
        let mut weights = vec![1.0; study.observations.len()];
        weights[at] = 0.0;
        let law = |made: &Made, arm: &[usize]| {
            if arm.contains(&at) {
                made.method.law(&made.method.draw(&weights)?)
            } else {
                Some(made.law.clone())
            }
        };
        log_multiplier(&law(base, &arms[0])?, &law(other, &arms[1])?, flops)
    };
    let mut all: Vec<(usize, f64)> = arms
        .concat()
        .into_iter()
        .filter_map(|at| Some((at, without(at)?)))
        .collect();
    all.sort_by(|a, b| (b.1 - whole).abs().total_cmp(&(a.1 - whole).abs()));
    let named = all.into_iter().take(NAMED);
    named
        .map(|(at, value)| Influence {
            run: study.observations[at].run.clone(),
            value: value.exp(),
        })
        .collect()
}

/// The other counts, costs, objectives and floors.
pub(super) fn alternatives(
    study: &Study,
    settings: &Settings,
    comparison: &Comparison,
    made: [&Made; 2],
    profiles: [&[Profile]; 2],
    floors: [Option<f64>; 2],
) -> Vec<Alternative> {
    let Ok(headline) = comparison.headline else {
        return Vec::new();
    };
    let mut alternatives = Vec::new();
    let mut add = |choice: &str, value: Option<f64>| {
        alternatives.push(Alternative {
            choice: choice.to_owned(),
            value,
        });
    };
    for (choice, other) in otherwise(settings, comparison.approach) {
        if is_known(study, &other) {
            add(choice, refitted(study, &other, comparison, headline.loss));
        }
    }
    let rest = match comparison.approach {
        Approach::Profiles => other_floors(profiles, floors, headline.loss),
        Approach::Surface => pinned_floors(made, floors, headline.loss),
        _ => Vec::new(),
    };
    alternatives.extend(rest);
    alternatives
}

/// Power laws through the profiles' vertices with another E, and with one exponent.
fn other_floors(
    profiles: [&[Profile]; 2],
    floors: [Option<f64>; 2],
    loss: f64,
) -> Vec<Alternative> {
    let at = |[base, other]: [PowerLaw; 2]| Some(base.flops(loss)? / other.flops(loss)?);
    let mut found = Vec::new();
    if let Some((k, value)) = irreducible::parallel(profiles[0], profiles[1]) {
        found.push(Alternative {
            choice: format!("one exponent for both frontiers: k = {k:.3}"),
            value: Some(value),
        });
    }
    if let Some((e, at_bound, laws)) = irreducible::shared(profiles[0], profiles[1]) {
        let bound = if at_bound { ", at its bound" } else { "" };
        found.push(Alternative {
            choice: format!("one E for both frontiers: {e:.3} nats/token{bound}"),
            value: at(laws),
        });
    }
    if let [Some(first), Some(second)] = floors {
        let laws =
            irreducible::pinned(profiles[0], first).zip(irreducible::pinned(profiles[1], second));
        let choice = format!("E of each surface: {first:.3} and {second:.3} nats/token");
        found.push(Alternative {
            choice,
            value: laws.and_then(|(base, other)| at([base, other])),
        });
    }
    found
}

/// Both surfaces with the E of either.
fn pinned_floors(made: [&Made; 2], floors: [Option<f64>; 2], loss: f64) -> Vec<Alternative> {
    let one = |e: f64| {
        let law = |made: &Made| {
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
        let laws = law(made[0]).zip(law(made[1]));
        let value = laws.and_then(|(base, other)| Some(base.flops(loss)? / other.flops(loss)?));
        Alternative {
            choice: format!("E of both surfaces held at {e:.3} nats/token"),
            value,
        }
    };
    floors
        .into_iter()
        .flatten()
        .filter(|e| *e > 0.0)
        .map(one)
        .collect()
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
        .map(move |(choice, change)| {
            let mut other = settings.clone();
            change(&mut other);
            (choice, other)
        })
        .filter(move |(_, other)| other != settings)
        .map(move |(choice, other)| {
            let other = Settings {
                replicates: 0,
                approach: Some(approach),
                ..other
            };
            (choice, other)
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

fn refitted(study: &Study, settings: &Settings, comparison: &Comparison, loss: f64) -> Option<f64> {
    let both = study.of_arms(&[&comparison.baseline, &comparison.variant]);
    let seen = super::convention::under(&both, settings);
    let arms = fit_arms(&seen, settings);
    let law = |name: &str| {
        let arm = arms.iter().find(|arm| arm.prepared.name == name)?;
        Some(Made::by(comparison.approach, &arm.made)?.law.clone())
    };
    let (base, other) = (law(&comparison.baseline)?, law(&comparison.variant)?);
    Some(base.flops(loss)? / other.flops(loss)?)
}
