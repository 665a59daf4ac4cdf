//! Dependence of the multipliers on choices and on single runs, and warnings.

use super::ReportInputs;
use super::format::{interval, ratio};
use super::tables::table;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{Approach, ApproachMultiplier, Comparison, StudyFits};

/// Warnings as a list; empty without warnings.
pub(super) fn warnings(fits: &StudyFits) -> String {
    if fits.only_direct() || fits.doubts.is_empty() {
        return String::new();
    }
    let doubts = fits.doubts.iter().map(ToString::to_string);
    let list: String = doubts
        .map(|doubt| format!("- {}\n", sentence(&doubt)))
        .collect();
    format!("Warnings:\n\n{list}")
}

/// Turns a message into a sentence, with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

/// Section of choices, with one table for each comparison.
pub(super) fn section(inputs: &ReportInputs<'_>) -> String {
    let comparisons = inputs.fits.comparisons.iter();
    let tables: Vec<String> = comparisons
        .filter_map(|c| choices(c, inputs.fits))
        .collect();
    if tables.is_empty() {
        return String::new();
    }
    let meaning = "The multiplier by every approach, with other choices of counts and fits, and without the runs that change \
                   it most. Approaches are compared at the compute of the headline, choices at its loss.";
    format!(
        "## What the multiplier depends on\n\n{meaning}\n\n{}",
        tables.join("\n")
    )
}

fn choices(comparison: &Comparison, fits: &StudyFits) -> Option<String> {
    let headline = comparison.headline.as_ref().ok()?;
    let approaches = comparison.approaches.iter();
    let others = comparison.alternatives.iter();
    let single_runs = comparison.influence.iter();
    let rows: Vec<Vec<String>> = approaches
        .map(|by| approach(by, comparison.approach))
        .chain(others.map(|other| row(other.choice.clone(), other.value)))
        .chain(single_runs.map(|run| row(format!("without {}", run.name()), Some(run.value))))
        .collect();
    (!rows.is_empty()).then(|| {
        let (cost, unit) = (fits.settings.cost.unit(), LOSS_VAL.unit);
        let table = table(
            &["approach or choice", "compute multiplier", "95% interval"],
            rows,
        );
        format!(
            "### `{}` against `{}` at {:.2e} {cost}, loss {:.3} {unit}\n\n{table}",
            comparison.variant, comparison.baseline, headline.flops, headline.loss
        )
    })
}

fn approach(by: &ApproachMultiplier, headline: Approach) -> Vec<String> {
    let is_own = by.approach == headline;
    let own = if is_own { " (headline)" } else { "" };
    vec![
        format!(
            "{}{own}{}",
            by.approach.name(),
            by.point.extrapolation_suffix()
        ),
        value(by.point.value),
        interval(by.point.interval(), ratio),
    ]
}

/// A choice that has an estimate, but no interval.
fn row(choice: String, multiplier: Option<f64>) -> Vec<String> {
    vec![choice, value(multiplier), "not computed".to_owned()]
}

fn value(multiplier: Option<f64>) -> String {
    multiplier.map_or_else(|| "none".to_owned(), |value| format!("{}×", ratio(value)))
}
