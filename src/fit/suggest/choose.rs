//! Suggestion of runs for a study.

use super::super::{FitSettings, Interval, Study, convention, fit_arms, tuning};
use super::design_grid::{self, DesignGrid};
use super::search::{Limits, search};
use super::target_estimate::{DesignArm, TargetEstimate, estimate_target};
use super::{SuggestRefusal, Suggestion, SuggestionRequest, Target, sweep_form};

/// Suggests the runs that narrow the interval of the target most.
///
/// # Errors
/// [`SuggestRefusal`] if there is no surface to design with, or no run within the limits helps.
pub fn suggest(
    study: &Study,
    settings: &FitSettings,
    wanted: &SuggestionRequest,
) -> Result<Suggestion, SuggestRefusal> {
    let (tuned, _) = tuning::tune(study);
    let seen = convention::convert(&tuned, settings);
    let carried = fit_arms(&seen, settings);
    let names: Vec<&str> = match wanted.target {
        Target::Multiplier => vec![&settings.baseline, &wanted.arm],
        _ => vec![&wanted.arm],
    };
    if wanted.max_runs < names.len() {
        return Err(SuggestRefusal::TooFewRuns {
            most: wanted.max_runs,
        });
    }
    let arms: Vec<DesignArm<'_>> = names
        .iter()
        .map(|name| DesignArm::of(&carried, name))
        .collect::<Result<_, _>>()?;
    let aim = estimate_target(&arms, wanted)?;
    let is_whole = arms.len() == seen.arms().len();
    best(&arms, &aim, wanted, is_whole)
}

/// Finds the best runs for a target. If the arms are the whole study, also finds an extension of
/// its sweep file.
fn best(
    arms: &[DesignArm<'_>],
    aim: &TargetEstimate,
    wanted: &SuggestionRequest,
    is_whole: bool,
) -> Result<Suggestion, SuggestRefusal> {
    let grid = DesignGrid::of(arms, wanted);
    let design = grid.design(arms, aim);
    let candidates = grid.candidates(arms, wanted.allowance)?;
    let limits = Limits {
        allowance: wanted.allowance,
        picks: wanted.max_runs / arms.len(),
    };
    let choice = search(&design, &candidates, limits);
    let now = design.variance(&design.sums(&design.counts()));
    let places = grid.suggested_runs(&candidates, &choice.taken);
    if places.is_empty() {
        return Err(SuggestRefusal::NothingHelps);
    }
    let shrink = (choice.variance / now).sqrt();
    let extend = || sweep_form::extend(&design, &grid, limits, now);
    let form = is_whole.then(extend).unwrap_or_default();
    Ok(Suggestion {
        target: wanted.target,
        arms: arms.iter().map(|arm| arm.name.to_owned()).collect(),
        at_flops: aim.flops,
        value: aim.value,
        now: aim.interval,
        expected: aim
            .interval
            .map(|now| narrowed(now, aim.value, shrink, wanted.target)),
        shrink,
        shrink_evenly: (design_grid::variance_if_even(&design, &grid, choice.cost) / now).sqrt(),
        flops: choice.cost,
        places,
        sweep: form.best,
        sweep_from: form.cheapest,
        correlation: design.correlation,
    })
}

/// Narrows an interval around its value, in logarithms for a multiplier.
fn narrowed(now: Interval, value: f64, by: f64, target: Target) -> Interval {
    let end = |end: f64| match target {
        Target::Multiplier => value * (end / value).powf(by),
        _ => value + by * (end - value),
    };
    now.map(end)
}
