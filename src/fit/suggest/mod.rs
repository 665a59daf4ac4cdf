//! Which runs to train next: those that narrow the interval of a multiplier or an exponent most, for what they cost.
//!
//! The laws that are fitted say what each further run would tell (`design.rs`), candidates lie on a grid of sizes and budgets
//! (`grid.rs`), and the best of them that the allowance pays for are searched for (`search.rs`). A design is as good as
//! the laws that it rests on: it is meant to be fitted again when its runs are done.
//!
//! For a multiplier both arms are run alike at each size, budget and seed. Their errors are correlated there (common
//! text, common initial weights), and what they share cancels from the difference; runs of one arm alone share nothing.

mod design;
mod grid;
mod noise;
mod places;
mod search;
mod sweep_form;
mod target;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Serialize;

pub use grid::OfferedSize;
pub use sweep_form::{SweepForm, SweepSize};
pub use target::Target;

use super::made::Made;
use super::method::of_surface;
use super::multiplier::Pair;
use super::{
    Approach, Carried, Interval, Observation, Settings, Study, convention, fit_arms, tuning,
};
use design::Noisy;
use grid::Runs;
use places::Grid;
use search::{Limits, search};

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// FLOPs that all suggested runs may cost together.
    pub allowance: f64,
    /// What is to be known better.
    pub target: Target,
    /// The arm whose exponent it is, or the variant of the multiplier; the baseline is the settings'.
    pub arm: String,
    /// The baseline's compute at which the multiplier is wanted, FLOPs; where it is not said, the middle of what both arms were
    /// measured at.
    pub at_flops: Option<f64>,
    /// The most runs.
    pub max_runs: usize,
    /// The most tokens of a run, what the text has say.
    pub max_tokens: f64,
    /// Sizes beside the study's own; where they are not said, sizes by parameters alone.
    pub sizes: Option<Vec<OfferedSize>>,
}

/// The runs that would tell most.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// What they would tell of.
    pub target: Target,
    /// The arms that they are of; of two the first is the baseline.
    pub arms: Vec<String>,
    /// The baseline's compute at which the multiplier is meant, FLOPs.
    pub at_flops: Option<f64>,
    /// The target by the surfaces as they are.
    pub value: f64,
    /// Its 95% interval now.
    pub now: Option<Interval>,
    /// An estimate of its 95% interval when the runs are done, around the value of now.
    pub expected: Option<Interval>,
    /// An estimate of the interval's width then, as a share of the width now; of log multiplier for a multiplier.
    pub shrink: f64,
    /// The same where as many FLOPs are spent evenly over the sizes and budgets of the study.
    pub shrink_evenly: f64,
    /// What all runs cost, FLOPs.
    pub flops: f64,
    /// Where they are.
    pub places: Vec<Place>,
    /// The best extension of a sweep file's `sizes`, `budgets` and `seeds` within the allowance, where the study has their
    /// form and one is affordable.
    pub sweep: Option<SweepForm>,
    /// FLOPs of the cheapest such extension, where the study has the form.
    pub sweep_from: Option<f64>,
    /// Correlation of the errors of two arms at one size, budget and seed.
    pub correlation: f64,
}

/// Runs of one size and budget: one of each arm for each seed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Place {
    /// The study's name of the size, where it has one.
    pub size: Option<String>,
    /// N of each arm, parameters.
    pub params: Vec<f64>,
    /// D of each arm, tokens.
    pub tokens: Vec<f64>,
    /// C of each run, FLOPs.
    pub budget: f64,
    /// Seeds, none of which the study has there yet.
    pub seeds: usize,
    /// What the runs of all seeds and arms cost, FLOPs.
    pub flops: f64,
}

/// Why nothing is suggested.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum SuggestRefusal {
    /// The design rests on the surfaces.
    #[error("`{arm}` has no surface to suggest by: {reason}")]
    NoSurface {
        /// The arm.
        arm: String,
        /// Why.
        reason: String,
    },
    /// The multiplier has no place.
    #[error(
        "the measured losses of the two arms do not overlap, so that there is no multiplier to narrow"
    )]
    NoOverlap,
    /// The laws do not reach so far.
    #[error("at {flops:.2e} FLOPs there is no multiplier: that is too far from what was measured")]
    TooFar {
        /// The compute asked for.
        flops: f64,
    },
    /// Nothing can be paid.
    #[error("{allowance:.2e} FLOPs pay for no run: the least, {what}, costs {cheapest:.2e} FLOPs")]
    TooLittle {
        /// FLOPs allowed.
        allowance: f64,
        /// What the least that can be added costs, FLOPs.
        cheapest: f64,
        /// What it is.
        what: String,
    },
    /// A multiplier is of two arms.
    #[error(
        "a multiplier takes runs in pairs, one of each arm, and no more than {most} is allowed"
    )]
    TooFewRuns {
        /// Runs allowed.
        most: usize,
    },
    /// No place has so few tokens.
    #[error("no size and budget near those of the study has at most {most:.2e} tokens")]
    TooFewTokens {
        /// Tokens allowed.
        most: f64,
    },
    /// No candidate is worth anything.
    #[error("no run within the allowance would narrow the interval")]
    NothingHelps,
}

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
    let grid = Grid::of(&arms, wanted);
    let design = grid.design(&arms, &aim);
    let candidates = grid.candidates(&arms, wanted.allowance)?;
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
    let is_whole = arms.len() == seen.arms().len();
    let form = if is_whole {
        sweep_form::extend(&design, &grid, limits, now)
    } else {
        sweep_form::Extended::default()
    };
    Ok(Suggestion {
        target: wanted.target,
        arms: names.into_iter().map(str::to_owned).collect(),
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

/// An arm with all that a design needs of it.
struct Arm<'a> {
    made: &'a Made,
    noisy: Noisy,
    runs: Runs<'a>,
}

impl<'a> Arm<'a> {
    fn of(carried: &'a [Carried<'a>], name: &str) -> Result<Self, SuggestRefusal> {
        let none = |reason: &str| SuggestRefusal::NoSurface {
            arm: name.to_owned(),
            reason: reason.to_owned(),
        };
        let arm = carried
            .iter()
            .find(|arm| arm.prepared.name == name)
            .ok_or_else(|| none("it has no finished run"))?;
        let (fit, per_token) = arm
            .prepared
            .surface
            .as_ref()
            .map_err(|reason| none(&reason.to_string()))?;
        let made = Made::by(Approach::Surface, &arm.made);
        let made = made.ok_or_else(|| none("one of its terms is zero, so that no size is best"))?;
        let runs: Vec<&Observation> = arm
            .prepared
            .fresh()
            .into_iter()
            .map(|(_, run)| run)
            .collect();
        let noisy = noise::around(fit.surface, &runs);
        Ok(Self {
            made,
            noisy,
            runs: Runs {
                runs,
                per_token: *per_token,
            },
        })
    }

    /// Least and most log(D/N) of its runs.
    fn ratios(&self) -> (f64, f64) {
        let (low, high) =
            super::span::range(self.runs.runs.iter().map(|run| run.tokens / run.params));
        (low.ln(), high.ln())
    }
}

/// The target as it is, with its gradient.
struct Aim {
    value: f64,
    interval: Option<Interval>,
    flops: Option<f64>,
    gradient: Vec<design::Row>,
}

fn aim(arms: &[Arm<'_>], wanted: &Wanted) -> Result<Aim, SuggestRefusal> {
    let [base, other] = arms else {
        let arm = &arms[0];
        let value = wanted
            .target
            .exponent(&arm.noisy.surface)
            .unwrap_or(f64::NAN);
        let of =
            |surface: &super::surface::Surface| wanted.target.exponent(surface).unwrap_or(f64::NAN);
        let gradient = vec![wanted.target.of_exponent(&arm.noisy.surface)];
        return Ok(Aim {
            value,
            interval: arm.made.interval(of_surface(of)),
            flops: None,
            gradient,
        });
    };
    let pair = Pair::of(base.made, other.made);
    let middle = || pair.overlap().map(|(low, high)| (low * high).sqrt());
    let flops = wanted
        .at_flops
        .or_else(middle)
        .ok_or(SuggestRefusal::NoOverlap)?;
    let point = pair.anywhere(flops);
    let costs = [&base.runs.per_token, &other.runs.per_token];
    let gradient = target::of_multiplier([&base.noisy, &other.noisy], costs, other.made, flops);
    let (value, gradient) = point
        .value
        .zip(gradient)
        .ok_or(SuggestRefusal::TooFar { flops })?;
    let interval = point
        .low
        .zip(point.high)
        .map(|(low, high)| Interval { low, high });
    Ok(Aim {
        value,
        interval,
        flops: Some(flops),
        gradient,
    })
}

/// The interval of now drawn in around its value; a multiplier's in logarithms.
fn narrowed(now: Interval, value: f64, by: f64, target: Target) -> Interval {
    let end = |end: f64| match target {
        Target::Multiplier => value * (end / value).powf(by),
        _ => value + by * (end - value),
    };
    Interval {
        low: end(now.low),
        high: end(now.high),
    }
}
