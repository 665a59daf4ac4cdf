//! From a study to the runs that are suggested.

use super::super::{Interval, Settings, Study, convention, fit_arms, tuning};
use super::aim::{Aim, Arm, aim};
use super::places::{self, Grid};
use super::search::{Limits, search};
use super::{SuggestRefusal, Suggestion, Target, Wanted, sweep_form};

/// Suggests runs.
///
/// # Errors
/// [`SuggestRefusal`] where there is no law to suggest by, or nothing can be paid for.
pub fn suggest(
    study: &Study,
    settings: &Settings,
    wanted: &Wanted,
) -> Result<Suggestion, SuggestRefusal> {
    let (tuned, _) = tuning::tune(study);
    let seen = convention::under(&tuned, settings);
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
    let arms: Vec<Arm<'_>> = names
        .iter()
        .map(|name| Arm::of(&carried, name))
        .collect::<Result<_, _>>()?;
    let aim = aim(&arms, wanted)?;
    let is_whole = arms.len() == seen.arms().len();
    best(&arms, &aim, wanted, is_whole)
}

/// The best runs for an aim; where the arms are the whole study, as an extension of a sweep file too.
fn best(
    arms: &[Arm<'_>],
    aim: &Aim,
    wanted: &Wanted,
    is_whole: bool,
) -> Result<Suggestion, SuggestRefusal> {
    let grid = Grid::of(arms, wanted);
    let design = grid.design(arms, aim);
    let candidates = grid.candidates(arms, wanted.allowance)?;
    let limits = Limits {
        allowance: wanted.allowance,
        picks: wanted.max_runs / arms.len(),
    };
    let choice = search(&design, &candidates, limits);
    let now = design.variance(&design.sums(&design.counts()));
    let places = grid.places(&candidates, &choice.taken);
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
        shrink_evenly: (places::evenly(&design, &grid, choice.cost) / now).sqrt(),
        flops: choice.cost,
        places,
        sweep: form.best,
        sweep_from: form.cheapest,
        correlation: design.correlation,
    })
}

/// The interval of now drawn in around its value; a multiplier's in logarithms.
fn narrowed(now: Interval, value: f64, by: f64, target: Target) -> Interval {
    let end = |end: f64| match target {
        Target::Multiplier => value * (end / value).powf(by),
        _ => value + by * (end - value),
    };
    now.map(end)
}
