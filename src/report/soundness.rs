//! What the multipliers owe to choices and to single runs, and what to know before the numbers are used.

use super::Inputs;
use super::tables::table;
use super::words::{interval, ratio};
use crate::fit::surface::SurfaceStatus;
use crate::fit::{Approach, ArmFit, ArmSurface, ByApproach, Comparison, Fits, Interval, MultiplierStatus};

/// The doubts as a list; empty where there are none.
pub(super) fn doubts(fits: &Fits) -> String {
    if fits.only_direct() {
        return String::new();
    }
    let disagreeing = fits.comparisons.iter().filter(|comparison| comparison.approaches_disagree());
    let mut doubts: Vec<String> = disagreeing.map(|comparison| disagreement(&comparison.variant)).collect();
    doubts.extend(fits.arms.iter().flat_map(trends));
    doubts.extend(fits.arms.iter().filter_map(at_bound));
    let without_floor = |c: &Comparison| c.growth.is_some() && c.approach != Approach::Surface;
    if fits.comparisons.iter().any(without_floor) {
        doubts.push(GROWTH.to_owned());
    }
    match doubts.as_slice() {
        [] => String::new(),
        doubts => {
            let list: String = doubts.iter().map(|doubt| format!("- {doubt}\n")).collect();
            format!("Before these numbers are used:\n\n{list}")
        }
    }
}

const GROWTH: &str = "How the saving grows is that of power laws without an irreducible loss, the form of So et al. \
                      (arXiv:2109.08668). Where there is one, the interval of the growth does not hold the truth; the \
                      surface has E free.";

fn disagreement(variant: &str) -> String {
    format!(
        "Profiles and surface exclude each other's multiplier of `{variant}`: parabolas are biased on wide grids where α ≠ β \
         (arXiv:2603.22339), and a surface is where it does not fit. Look at the residuals before using either."
    )
}

fn trends(arm: &ArmFit) -> Vec<String> {
    let trends = arm.diagnosis.iter().flat_map(|diagnosis| &diagnosis.trends);
    let one = |trend: &crate::fit::Trend| {
        format!(
            "Residuals of the surface of `{}` go with {} (rank correlation {:.2}, p = {:.1e}): its form misses something.",
            arm.arm, trend.against, trend.correlation, trend.p_value
        )
    };
    trends.filter(|trend| trend.is_suspect()).map(one).collect()
}

fn at_bound(arm: &ArmFit) -> Option<String> {
    let Ok(ArmSurface { status: SurfaceStatus::AtBound { parameters }, .. }) = &arm.surface else { return None };
    let symbols: Vec<&str> = parameters.iter().map(|parameter| parameter.symbol()).collect();
    let symbols = symbols.join(", ");
    Some(format!("The surface of `{}` has {symbols} at the bound of 0: these runs do not identify it.", arm.arm))
}

/// The section of choices, one table a comparison.
pub(super) fn section(inputs: &Inputs<'_>) -> String {
    let tables: Vec<String> = inputs.fits.comparisons.iter().filter_map(|c| choices(c, inputs.fits)).collect();
    if tables.is_empty() {
        return String::new();
    }
    let meaning = "The same multiplier by the other approaches, with other choices of what is counted and fitted, and without \
                   the runs that change it most. Approaches are compared at the compute of the headline, choices at its loss.";
    format!("## How much the multiplier owes to choices\n\n{meaning}\n\n{}", tables.join("\n"))
}

fn choices(comparison: &Comparison, fits: &Fits) -> Option<String> {
    let headline = comparison.headline.as_ref().ok()?;
    let mut rows: Vec<Vec<String>> = comparison.approaches.iter().map(|by| approach(by, comparison.approach)).collect();
    rows.extend(comparison.alternatives.iter().map(|other| row(other.choice.clone(), other.value)));
    rows.extend(comparison.influence.iter().map(|run| row(format!("without {}", name(&run.run)), Some(run.value))));
    (!rows.is_empty()).then(|| {
        format!(
            "### `{}` against `{}` at {:.2e} {}, loss {:.3} nats/token\n\n{}",
            comparison.variant,
            comparison.baseline,
            headline.flops,
            fits.settings.cost.unit(),
            headline.loss,
            table(&["by", "multiplier", "95% interval"], &rows)
        )
    })
}

fn approach(by: &ByApproach, headline: Approach) -> Vec<String> {
    let range = by.point.low.zip(by.point.high).map(|(low, high)| Interval { low, high });
    let own = if by.approach == headline { " (the headline)" } else { "" };
    let beyond = if by.point.status == MultiplierStatus::Extrapolated { ", extrapolated" } else { "" };
    vec![format!("{}{own}{beyond}", by.approach.name()), value(by.point.value), interval(range, ratio)]
}

/// A choice of which only the estimate is known.
fn row(choice: String, multiplier: Option<f64>) -> Vec<String> {
    vec![choice, value(multiplier), "estimate alone".to_owned()]
}

fn value(multiplier: Option<f64>) -> String {
    multiplier.map_or_else(|| "none".to_owned(), |value| format!("{}×", ratio(value)))
}

/// A run by its name alone: its identity, which stands in brackets, is for `isoflop logs`.
fn name(run: &str) -> &str {
    run.split(" (").next().unwrap_or(run)
}
