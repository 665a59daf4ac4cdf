//! Sensitivity of a multiplier to alternative settings, and to single runs.

use super::arm_estimate::ArmEstimate;
use super::law::Law;
use super::method::FitMethod;
use super::multiplier::{LawPair, log_multiplier};
use super::path::path;
use super::surface::{self, Objective};
use super::{
    Approach, ArmFit, CostAxis, FitSettings, Influence, MultiplierAlternative, ParameterCounting,
    PowerLaw, Profile, Study, convention, fit_arms, irreducible,
};

/// Number of runs that are reported. The others have less influence.
const MAX_REPORTED: usize = 3;
/// Largest number of runs for which each is left out in turn. In a larger study, no single run
/// matters.
const MAX_RUNS: usize = 2000;

/// Returns the multiplier without each run of the two arms, the furthest from the estimate first.
pub(super) fn influence(study: &Study, pair: &LawPair<'_>, flops: f64) -> Vec<Influence> {
    let Some(whole) = log_multiplier(&pair.base.law, &pair.other.law, flops) else {
        return Vec::new();
    };
    if study.observations.len() > MAX_RUNS {
        return Vec::new();
    }
    let arms = [pair.base, pair.other].map(|made| (made, made.method.run_indices()));
    let without = |at: usize| {
        let mut weights = vec![1.0; study.observations.len()];
        weights[at] = 0.0;
        let law = |(made, places): &(&ArmEstimate, Vec<usize>)| {
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
    let named = all.into_iter().take(MAX_REPORTED);
    named
        .map(|(at, value)| Influence {
            run: study.observations[at].run.clone(),
            value: value.exp(),
        })
        .collect()
}

/// Returns the multiplier with other counts, costs, objectives and irreducible losses, at the loss
/// of the headline.
pub(super) fn alternatives(
    study: &Study,
    settings: &FitSettings,
    pair: &LawPair<'_>,
    told: [&ArmFit; 2],
    loss: f64,
) -> Vec<MultiplierAlternative> {
    let approach = pair.approach();
    let names = told.map(|arm| arm.arm.as_str());
    let refitted = alternative_settings(settings, approach)
        .filter(|(_, other)| is_known(study, other))
        .map(|(choice, other)| MultiplierAlternative {
            choice: choice.to_owned(),
            value: refit(study, &other, approach, names).and_then(|laws| multiplier_at(laws, loss)),
        });
    let floors = told.map(|arm| Some(arm.surface.as_ref().ok()?.surface.e));
    let rest = match approach {
        Approach::Profiles => {
            frontier_alternatives(told.map(|arm| arm.profiles.as_slice()), floors, loss)
        }
        Approach::Surface => surface_alternatives(pair, floors, loss),
        _ => Vec::new(),
    };
    refitted.chain(rest).collect()
}

/// Returns the multiplier at a loss.
fn multiplier_at([base, other]: [Law; 2], loss: f64) -> Option<f64> {
    Some(base.flops(loss)? / other.flops(loss)?)
}

/// Compares power laws through the profiles' vertices with another E, and with a common exponent.
fn frontier_alternatives(
    profiles: [&[Profile]; 2],
    floors: [Option<f64>; 2],
    loss: f64,
) -> Vec<MultiplierAlternative> {
    let at = |laws: [PowerLaw; 2]| multiplier_at(laws.map(Law::Power), loss);
    let parallel = irreducible::parallel(profiles).map(|(k, value)| MultiplierAlternative {
        choice: format!("common exponent of both frontiers: k = {k:.3}"),
        value: Some(value),
    });
    let shared = irreducible::shared(profiles).map(|(e, at_bound, laws)| {
        let bound = if at_bound { ", at its bound" } else { "" };
        MultiplierAlternative {
            choice: format!("common E of both frontiers: {e:.3} nats/token{bound}"),
            value: at(laws),
        }
    });
    let own = floors[0]
        .zip(floors[1])
        .map(|(first, second)| MultiplierAlternative {
            choice: format!("E of each surface: {first:.3} and {second:.3} nats/token"),
            value: irreducible::pinned(profiles[0], first)
                .zip(irreducible::pinned(profiles[1], second))
                .and_then(|(base, other)| at([base, other])),
        });
    [parallel, shared, own].into_iter().flatten().collect()
}

/// Compares both surfaces with E fixed at the value of either.
fn surface_alternatives(
    pair: &LawPair<'_>,
    floors: [Option<f64>; 2],
    loss: f64,
) -> Vec<MultiplierAlternative> {
    let law = |made: &ArmEstimate, e: f64| {
        let FitMethod::Surface {
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
    let one = |e: f64| MultiplierAlternative {
        choice: format!("E of both surfaces fixed at {e:.3} nats/token"),
        value: law(pair.base, e)
            .zip(law(pair.other, e))
            .and_then(|(base, other)| multiplier_at([base, other], loss)),
    };
    let floors = floors.into_iter().flatten();
    floors.filter(|e| *e > 0.0).map(one).collect()
}

type Change = fn(&mut FitSettings);

/// Alternatives for every approach.
const CHOICES: [(&str, Change); 5] = [
    ("N without the embedding", |s| {
        s.count = ParameterCounting::WithoutEmbedding;
    }),
    ("N with the embedding", |s| {
        s.count = ParameterCounting::Total
    }),
    ("cost in FLOPs", |s| s.cost = CostAxis::Flops),
    ("cost as 6ND", |s| s.cost = CostAxis::SixNd),
    ("cost in device-seconds", |s| {
        s.cost = CostAxis::DeviceSeconds
    }),
];

/// Additional alternatives for a surface.
const OBJECTIVES: [(&str, Change); 3] = [
    ("surface by Huber's loss", |s| {
        s.objective = Objective::default();
    }),
    ("surface by least squares", |s| {
        s.objective = Objective::LeastSquares;
    }),
    ("surface by maximum likelihood", |s| {
        s.objective = Objective::Likelihood;
    }),
];

/// Returns the settings that differ in one alternative.
fn alternative_settings(
    settings: &FitSettings,
    approach: Approach,
) -> impl Iterator<Item = (&'static str, FitSettings)> {
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

/// Reports whether every run has the measurements that the settings need. Otherwise the alternative
/// is skipped.
fn is_known(study: &Study, settings: &FitSettings) -> bool {
    let knows = |run: &super::Observation| {
        (settings.count == ParameterCounting::Total
            || run.optional.params_without_embedding.is_some())
            && (settings.cost != CostAxis::DeviceSeconds || run.optional.device_seconds.is_some())
    };
    study.observations.iter().all(knows)
}

fn refit(
    study: &Study,
    settings: &FitSettings,
    approach: Approach,
    names: [&str; 2],
) -> Option<[Law; 2]> {
    let seen = convention::convert(&study.of_arms(&names), settings);
    let arms = fit_arms(&seen, settings);
    let law = |name: &str| {
        let arm = arms.iter().find(|arm| arm.prepared.name == name)?;
        Some(
            ArmEstimate::of_approach(approach, &arm.estimates)?
                .law
                .clone(),
        )
    };
    Some([law(names[0])?, law(names[1])?])
}
