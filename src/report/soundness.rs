//! What the multipliers owe to choices and to single runs, and what to know before the numbers are used.

use super::Inputs;
use super::tables::table;
use super::words::{interval, ratio};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{Approach, ByApproach, Comparison, Fits};

/// The doubts as a list; empty where there are none.
pub(super) fn doubts(fits: &Fits) -> String {
    if fits.only_direct() || fits.doubts.is_empty() {
        return String::new();
    }
    let doubts = fits.doubts.iter().map(ToString::to_string);
    let list: String = doubts
        .map(|doubt| format!("- {}\n", sentence(&doubt)))
        .collect();
    format!("Before these numbers are used:\n\n{list}")
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

/// The section of choices, one table a comparison.
pub(super) fn section(inputs: &Inputs<'_>) -> String {
    let comparisons = inputs.fits.comparisons.iter();
    let tables: Vec<String> = comparisons
        .filter_map(|c| choices(c, inputs.fits))
        .collect();
    if tables.is_empty() {
        return String::new();
    }
    let meaning = "The same multiplier by the other approaches, with other choices of what is counted and fitted, and without \
                   the runs that change it most. Approaches are compared at the compute of the headline, choices at its loss.";
    format!(
        "## How much the multiplier owes to choices\n\n{meaning}\n\n{}",
        tables.join("\n")
    )
}

fn choices(comparison: &Comparison, fits: &Fits) -> Option<String> {
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
        let table = table(&["by", "multiplier", "95% interval"], rows);
        format!(
            "### `{}` against `{}` at {:.2e} {cost}, loss {:.3} {unit}\n\n{table}",
            comparison.variant, comparison.baseline, headline.flops, headline.loss
        )
    })
}

fn approach(by: &ByApproach, headline: Approach) -> Vec<String> {
    let is_own = by.approach == headline;
    let own = if is_own { " (the headline)" } else { "" };
    vec![
        format!("{}{own}{}", by.approach.name(), by.point.beyond()),
        value(by.point.value),
        interval(by.point.interval(), ratio),
    ]
}

/// A choice of which only the estimate is known.
fn row(choice: String, multiplier: Option<f64>) -> Vec<String> {
    vec![choice, value(multiplier), "estimate alone".to_owned()]
}

fn value(multiplier: Option<f64>) -> String {
    multiplier.map_or_else(|| "none".to_owned(), |value| format!("{}×", ratio(value)))
}
