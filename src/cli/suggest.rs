//! `isoflop suggest`

use super::next_args::{SuggestArgs, TargetArg};
use super::terminal::Terminal;
use super::{ExitReason, output};
use isoflop_app::{
    AppError, BoundedSuggestion, NamedStudy, StudyOrigin, SuggestRequest, study, suggest,
};
use isoflop_core::units::si;
use isoflop_fit::{Interval, SuggestedRuns, Suggestion, SweepForm, SweepSize, Target};

pub(super) fn main(args: &SuggestArgs) -> Result<ExitReason, AppError> {
    let studied = study(&args.study.source(), &mut Terminal::new())?;
    let baseline = args.baseline.as_ref().unwrap_or(&studied.baseline);
    let request = SuggestRequest {
        allowance: args.flops,
        target: match args.of {
            TargetArg::Multiplier => Target::Multiplier,
            TargetArg::Alpha => Target::Alpha,
            TargetArg::Beta => Target::Beta,
            TargetArg::NExponent => Target::NExponent,
        },
        arm: args.arm.clone(),
        at_flops: args.at_flops,
        max_runs: args.max_runs.map(|n| n as usize),
        max_tokens: args.max_tokens,
    };
    let suggested = suggest(&studied, &args.study.settings(baseline), &request)?;
    if args.study.json {
        output::json(&suggested.suggestion)?;
    } else {
        print(&suggested.suggestion, &studied);
        print_limits(&suggested);
    }
    Ok(ExitReason::Ok)
}

fn print(suggestion: &Suggestion, studied: &NamedStudy) {
    let (what, count, flops) = (target_label(suggestion), runs(suggestion), suggestion.flops);
    output::paragraph(format!(
        "runs that narrow the 95% interval of the {what} most, {count} runs for {flops:.2e} FLOPs in all:"
    ));
    output::line("");
    let header = [
        "size",
        "N",
        "D",
        "D/N",
        "FLOPs per run",
        "seeds",
        "FLOPs in all",
    ];
    output::table(&header, suggestion.places.iter().map(row), 1);
    output::line("");
    output::paragraph(columns(suggestion));
    output::paragraph(verdict(suggestion));
    if !matches!(studied.origin, StudyOrigin::Sweep { .. }) {
        return;
    }
    match (&suggestion.sweep, suggestion.sweep_from) {
        (Some(form), _) => sweep_form(form, studied),
        (None, Some(from)) => output::paragraph(format!(
            "a sweep file runs every size at every budget with every seed, so one more of them costs at least {from:.2e} FLOPs"
        )),
        (None, None) => {}
    }
}

/// Explains the rows and the columns.
fn columns(suggestion: &Suggestion) -> String {
    let [first, _, ..] = suggestion.arms.as_slice() else {
        return "N in parameters, D in tokens".to_owned();
    };
    let shared = match suggestion.correlation {
        correlation if correlation < 0.005 => String::new(),
        correlation => format!(
            "; at one size, budget and seed the arms' errors have a correlation of {correlation:.2} (estimate), which \
             cancels in their difference"
        ),
    };
    format!(
        "each row is one run of each arm for each new seed, with N in parameters and D in tokens as {first} counts them{shared}"
    )
}

/// Prints the limits of a suggestion.
fn print_limits(suggested: &BoundedSuggestion) {
    let BoundedSuggestion {
        suggestion,
        max_runs,
    } = suggested;
    if runs(suggestion) + suggestion.arms.len() > *max_runs {
        output::paragraph(format!(
            "at most {max_runs} runs are suggested; raise `--max-runs` for more"
        ));
    }
    if suggestion.shrink_evenly < suggestion.shrink {
        output::paragraph(
            "an even spread is expected to do better here, because its number of runs is not limited",
        );
    }
}

/// Names the target: `multiplier of primer_ez over transformer at 1.05e11 FLOPs`.
fn target_label(suggestion: &Suggestion) -> String {
    let name = suggestion.target.name();
    match (suggestion.arms.as_slice(), suggestion.at_flops) {
        ([baseline, variant], Some(flops)) => {
            format!("{name} of {variant} over {baseline} at {flops:.2e} FLOPs")
        }
        (arms, _) => format!("{name} of {}", arms.join(", ")),
    }
}

/// Number of suggested runs.
fn runs(suggestion: &Suggestion) -> usize {
    let seeds = suggestion.places.iter().map(|place| place.seeds);
    seeds.sum::<usize>() * suggestion.arms.len()
}

fn row(place: &SuggestedRuns) -> Vec<String> {
    vec![
        size_label(place.size.as_deref()),
        si(place.params[0]),
        si(place.tokens[0]),
        format!("{:.1}", place.tokens[0] / place.params[0]),
        format!("{:.1e}", place.budget),
        format!("+{}", place.seeds),
        format!("{:.2e}", place.flops),
    ]
}

/// Label of a size. In tables without labels it would repeat the number of parameters in the next
/// column, so such a size is `known`.
fn size_label(size: Option<&str>) -> String {
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
        interval.map_or_else(|| "no interval".to_owned(), |i| i.formatted(show))
    };
    format!(
        "now, by surface: {}, 95% {}; expected with these runs (estimate): {}, {} of the present width. As many FLOPs spent \
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

/// Prints lines for the sweep file.
fn sweep_form(form: &SweepForm, studied: &NamedStudy) {
    output::line("");
    output::paragraph(format!(
        "a sweep file runs every size at every budget with every seed. In that form the best is {} new runs for {:.2e} FLOPs, \
         {} of the present width (estimate):",
        form.new_runs,
        form.flops,
        percent(form.shrink)
    ));
    let sizes: Vec<String> = form.sizes.iter().map(size).collect();
    let budgets = form.budgets.iter();
    let budgets: Vec<String> = budgets.map(|budget| format!("{budget:e}")).collect();
    let lists = [sizes, budgets, seeds(form.seeds, studied)];
    let [sizes, budgets, seeds] = lists.map(|list| list.join(", "));
    output::block(format!(
        "\nsizes: [{sizes}]\nbudgets:\n  flops: [{budgets}]\nseeds: [{seeds}]"
    ));
}

fn size(size: &SweepSize) -> String {
    size.label
        .clone()
        .unwrap_or_else(|| format!("{{params: {}}}", si(size.params)))
}

/// The study's seeds and the next ones, `count` in all.
fn seeds(count: usize, studied: &NamedStudy) -> Vec<String> {
    let runs = studied.study.observations.iter();
    let mut seeds: Vec<u64> = runs.map(|run| run.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    while seeds.len() < count {
        seeds.push(seeds.last().map_or(1, |last| last + 1));
    }
    seeds.iter().map(ToString::to_string).collect()
}
