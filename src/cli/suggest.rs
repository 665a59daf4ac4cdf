//! `isoflop suggest`

use super::next_args::{SuggestArgs, TargetArg};
use super::studied::{Studied, studied};
use super::{Exit, output};
use isoflop_app::{AppError, ErrorKind};
use isoflop_core::units::si;
use isoflop_fit::{
    Interval, Place, SuggestRefusal, Suggestion, SweepForm, SweepSize, Target, Wanted, suggest,
};

pub(super) fn main(args: &SuggestArgs) -> Result<Exit, AppError> {
    let mut studied = studied(&args.study)?;
    if let Some(baseline) = &args.baseline {
        studied.baseline.clone_from(baseline);
    }
    of(&studied, args)
}

/// A suggestion for any study.
pub(super) fn of(studied: &Studied, args: &SuggestArgs) -> Result<Exit, AppError> {
    studied.check_arm(&studied.baseline)?;
    args.arm.iter().try_for_each(|arm| studied.check_arm(arm))?;
    let target = match args.of {
        TargetArg::Multiplier => Target::Multiplier,
        TargetArg::Alpha => Target::Alpha,
        TargetArg::Beta => Target::Beta,
        TargetArg::NExponent => Target::NExponent,
    };
    let arm = arm(studied, args, target)?;
    let settings = args.study.settings(&studied.baseline);
    let is_of =
        |name: &str| name == arm || (target == Target::Multiplier && name == studied.baseline);
    let runs = studied
        .study
        .observations
        .iter()
        .filter(|run| is_of(&run.arm))
        .count();
    let wanted = Wanted {
        allowance: args.flops,
        target,
        at_flops: args.at_flops,
        max_runs: args.max_runs.map_or(runs, |n| n as usize),
        max_tokens: args.max_tokens.unwrap_or(f64::INFINITY),
        sizes: studied.sizes.clone(),
        arm,
    };
    let suggestion =
        suggest(&studied.study, &settings, &wanted).map_err(|refusal| failed(&refusal, args))?;
    if args.study.json {
        output::json(&suggestion)?;
    } else {
        print(&suggestion, studied);
        caution(&suggestion, wanted.max_runs);
    }
    Ok(Exit::Ok)
}

/// The arm that is meant: of two arms the other is the variant, and an exponent is the baseline's where nothing else is said.
fn arm(studied: &Studied, args: &SuggestArgs, target: Target) -> Result<String, AppError> {
    let arms = studied.study.arms();
    let others: Vec<String> = arms
        .into_iter()
        .filter(|arm| *arm != studied.baseline)
        .collect();
    match (&args.arm, target, others.as_slice()) {
        (Some(arm), Target::Multiplier, _) if *arm == studied.baseline => {
            let message = format!("`{arm}` is the baseline, and its multiplier over itself is 1");
            Err(AppError::new(
                ErrorKind::Usage,
                message,
                "name another arm with `--arm`, or ask `--of alpha`",
            ))
        }
        (Some(arm), ..) => Ok(arm.clone()),
        (None, Target::Multiplier, [only]) => Ok(only.clone()),
        (None, Target::Multiplier, []) => {
            let message = format!(
                "`{}` is the only arm with finished runs: a multiplier takes two",
                studied.baseline
            );
            Err(AppError::new(
                ErrorKind::FitImpossible,
                message,
                "ask for an exponent, as with `--of alpha`",
            ))
        }
        (None, Target::Multiplier, several) => {
            let message = format!(
                "the study compares several arms: `{}`",
                several.join("`, `")
            );
            Err(AppError::new(
                ErrorKind::Usage,
                message,
                "say with `--arm` whose multiplier is meant",
            ))
        }
        (None, ..) => Ok(studied.baseline.clone()),
    }
}

fn failed(refusal: &SuggestRefusal, args: &SuggestArgs) -> AppError {
    let (exit, hint) = match refusal {
        SuggestRefusal::NoSurface { .. } => (
            ErrorKind::FitImpossible,
            "run several sizes at each of several budgets first; `isoflop fit` says how each arm stands".to_owned(),
        ),
        SuggestRefusal::NoOverlap => (ErrorKind::FitImpossible, "say with `--at-flops` where it is wanted".to_owned()),
        SuggestRefusal::TooFar { .. } => {
            (ErrorKind::Usage, "name a compute nearer to the study with `--at-flops`".to_owned())
        }
        SuggestRefusal::TooLittle { cheapest, .. } => {
            (ErrorKind::Usage, format!("allow that much: `--flops {}`", rounded_up(*cheapest)))
        }
        SuggestRefusal::TooFewTokens { .. } => (ErrorKind::Usage, "allow more with `--max-tokens`".to_owned()),
        SuggestRefusal::TooFewRuns { .. } => (ErrorKind::Usage, "allow two or more with `--max-runs`".to_owned()),
        SuggestRefusal::NothingHelps if args.max_runs.is_some() => {
            (ErrorKind::Usage, "allow more with `--flops` or `--max-runs`".to_owned())
        }
        SuggestRefusal::NothingHelps => (ErrorKind::Usage, "allow more with `--flops`".to_owned()),
    };
    AppError::new(exit, refusal, hint)
}

/// Three digits that are no less than the value.
fn rounded_up(value: f64) -> String {
    let shown = |value: f64| format!("{value:.2e}");
    let enough = shown(value).parse::<f64>().is_ok_and(|read| read >= value);
    if enough {
        shown(value)
    } else {
        shown(value * 1.005)
    }
}

fn print(suggestion: &Suggestion, studied: &Studied) {
    let what = what(suggestion);
    output::paragraph(&format!(
        "runs that narrow the 95% interval of the {what} most, {}",
        cost(suggestion)
    ));
    output::line("");
    let header = [
        "size",
        "N",
        "D",
        "D/N",
        "FLOPs a run",
        "seeds",
        "FLOPs in all",
    ];
    output::line(output::table(
        &header,
        suggestion.places.iter().map(row).collect(),
        1,
    ));
    output::line("");
    let first = &suggestion.arms[0];
    if suggestion.arms.len() > 1 {
        let shared = match suggestion.correlation {
            correlation if correlation < 0.005 => String::new(),
            correlation => format!(
                "; at one size, budget and seed the arms' errors have a correlation of {correlation:.2} (estimate), which \
                 cancels from their difference"
            ),
        };
        output::paragraph(&format!(
            "each is one run of each arm for each new seed, with N in parameters and D in tokens as {first} counts them{shared}"
        ));
    } else {
        output::paragraph("N in parameters, D in tokens");
    }
    output::paragraph(&verdict(suggestion));
    match (&suggestion.sweep, suggestion.sweep_from) {
        (Some(form), _) if studied.sizes.is_some() => sweep_form(form, studied),
        (None, Some(from)) if studied.sizes.is_some() => output::paragraph(&format!(
            "as a sweep file runs every size at every budget with every seed, one more of them costs {from:.2e} FLOPs or more"
        )),
        _ => {}
    }
}

/// What keeps a suggestion from being better.
fn caution(suggestion: &Suggestion, max_runs: usize) {
    if runs(suggestion) + suggestion.arms.len() > max_runs {
        output::paragraph(&format!(
            "no more than {max_runs} runs are suggested; `--max-runs` allows more"
        ));
    }
    if suggestion.shrink_evenly < suggestion.shrink {
        output::paragraph(
            "an even spread is expected to do better here: it is not held to so many runs",
        );
    }
}

/// `multiplier of primer_ez over transformer at 1.05e11 FLOPs`
fn what(suggestion: &Suggestion) -> String {
    let name = suggestion.target.name();
    match (suggestion.arms.as_slice(), suggestion.at_flops) {
        ([baseline, variant], Some(flops)) => {
            format!("{name} of {variant} over {baseline} at {flops:.2e} FLOPs")
        }
        (arms, _) => format!("{name} of {}", arms.join(", ")),
    }
}

fn cost(suggestion: &Suggestion) -> String {
    format!(
        "{} runs for {:.2e} FLOPs in all:",
        runs(suggestion),
        suggestion.flops
    )
}

/// How many are suggested.
fn runs(suggestion: &Suggestion) -> usize {
    suggestion
        .places
        .iter()
        .map(|place| place.seeds)
        .sum::<usize>()
        * suggestion.arms.len()
}

fn row(place: &Place) -> Vec<String> {
    vec![
        named(place.size.as_deref()),
        si(place.params[0]),
        si(place.tokens[0]),
        format!("{:.1}", place.tokens[0] / place.params[0]),
        format!("{:.1e}", place.budget),
        format!("+{}", place.seeds),
        format!("{:.2e}", place.flops),
    ]
}

/// The size's name; in tables without names that is a number of parameters, which stands beside it.
fn named(size: Option<&str>) -> String {
    match size {
        None => "new".to_owned(),
        Some(label) if label.parse::<f64>().is_ok() => "known".to_owned(),
        Some(label) => label.to_owned(),
    }
}

fn verdict(suggestion: &Suggestion) -> String {
    let show = |value: f64| match suggestion.target {
        Target::Multiplier => format!("{value:.2}x"),
        _ => format!("{value:.3}"),
    };
    let range = |interval: Option<Interval>| {
        interval.map_or_else(
            || "no interval".to_owned(),
            |i| format!("{} to {}", show(i.low), show(i.high)),
        )
    };
    format!(
        "by surface it is {}, 95% {} now; expected then, as an estimate: {}, {} of the width of now. As many FLOPs spent \
         evenly over the study's sizes and budgets: {} (estimate)",
        show(suggestion.value),
        range(suggestion.now),
        range(suggestion.expected),
        percent(suggestion.shrink),
        percent(suggestion.shrink_evenly)
    )
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}

/// Lines that can stand in the sweep file.
fn sweep_form(form: &SweepForm, studied: &Studied) {
    output::line("");
    output::paragraph(&format!(
        "a sweep file runs every size at every budget with every seed. In that form the best is {} new runs for {:.2e} FLOPs, \
         {} of the width (estimate):",
        form.new_runs,
        form.flops,
        percent(form.shrink)
    ));
    let sizes: Vec<String> = form.sizes.iter().map(size).collect();
    let budgets: Vec<String> = form
        .budgets
        .iter()
        .map(|budget| format!("{budget:e}"))
        .collect();
    output::line(format!(
        "\nsizes: [{}]\nbudgets:\n  flops: [{}]\nseeds: [{}]",
        sizes.join(", "),
        budgets.join(", "),
        seeds(form.seeds, studied).join(", ")
    ));
}

fn size(size: &SweepSize) -> String {
    size.label
        .clone()
        .unwrap_or_else(|| format!("{{params: {}}}", si(size.params)))
}

/// The study's own seeds, and the next ones after them.
fn seeds(count: usize, studied: &Studied) -> Vec<String> {
    let mut seeds: Vec<u64> = studied
        .study
        .observations
        .iter()
        .map(|run| run.seed)
        .collect();
    seeds.sort_unstable();
    seeds.dedup();
    while seeds.len() < count {
        seeds.push(seeds.last().map_or(1, |last| last + 1));
    }
    seeds.iter().map(ToString::to_string).collect()
}
