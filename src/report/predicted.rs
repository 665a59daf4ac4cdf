//! Figure of measured loss against the loss that the surface predicts: one panel for each arm.

use super::ReportInputs;
use super::axis::{Axis, plain};
use super::figure::{Figure, Ink, LegendEntry, MarkerShape, Panel, PanelMark, group};
use super::page_figure::PageFigure;
use super::palette::{self, BudgetColours};
use super::residuals::{predicted, surface_runs};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::Budget;
use isoflop_fit::surface::Surface;
use isoflop_fit::{ArmFit, Observation};

/// Height of a row of two or three panels, pixels.
const HEIGHT: u32 = 400;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "predicted",
    title: "Measured loss against the loss predicted by the surface",
    caption: "On the diagonal the measured loss equals the loss predicted by the arm's surface, which is fitted to all runs. \
         Open markers are the runs of the largest budget.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let fitted: Vec<(&ArmFit, &Surface)> = inputs.fits.arms.iter().filter_map(fitted).collect();
    let losses = || {
        fitted
            .iter()
            .flat_map(|(arm, s)| surface_runs(arm).flat_map(|run| [predicted(s, run), run.loss]))
    };
    // One range for both, so that the diagonal goes from corner to corner.
    let x = Axis::log(&LOSS_VAL.title_for("predicted loss"), losses(), plain)?;
    let y = Axis::loss(losses())?;
    let budgets = BudgetColours::of(inputs);
    let panel = |(arm, surface): &(&ArmFit, &Surface)| {
        let shape = palette::arm(inputs.fits, &arm.arm).1;
        let diagonal = PanelMark::line([(x.low, y.low), (x.high, y.high)], Ink::BLACK.line(1.0));
        let largest = largest(arm);
        let run = |run: &Observation| {
            let marker = budgets.ink(run.budget).point(shape, 4.0);
            let at = (predicted(surface, run), run.loss);
            PanelMark::point(at, marker.hollow_if(Some(run.budget) == largest))
        };
        let marks = std::iter::once(diagonal).chain(surface_runs(arm).map(run));
        Panel::new(&arm.arm, &x, &y, marks.collect())
    };
    let panels: Vec<Panel> = fitted.iter().map(panel).collect();
    // With this height the panels are about square.
    let height = (2..=3).contains(&panels.len()).then_some(HEIGHT);
    Some(Figure {
        height,
        ..Figure::new(panels, legend(&fitted, &budgets))
    })
}

fn fitted(arm: &ArmFit) -> Option<(&ArmFit, &Surface)> {
    Some((arm, &arm.surface.as_ref().ok()?.surface))
}

/// The largest budget, which the holdout leaves out.
fn largest(arm: &ArmFit) -> Option<Budget> {
    surface_runs(arm).map(|run| run.budget).max()
}

fn legend(fitted: &[(&ArmFit, &Surface)], budgets: &BudgetColours) -> Vec<LegendEntry> {
    let arms = || fitted.iter().map(|(arm, _)| *arm);
    let drawn = |budget| arms().any(|arm| surface_runs(arm).any(|run| run.budget == budget));
    let open = |budget| arms().any(|arm| largest(arm) == Some(budget));
    let key = |budget, ink: Ink| ink.point(MarkerShape::Circle, 4.0).hollow_if(open(budget));
    let diagonal = LegendEntry::new("predicted = measured", Ink::BLACK.line(1.0));
    [budgets.legend(drawn, key), group("marks", [diagonal])].concat()
}

/// Sentence in the caption about the largest budget, predicted from the others.
pub(super) fn holdouts(inputs: &ReportInputs<'_>) -> String {
    let one = |arm: &ArmFit| {
        let holdout = arm.surface.as_ref().ok()?.holdout?;
        let error = 100.0 * holdout.mean_error;
        Some(format!("{error:+.2}% for `{}`", arm.arm))
    };
    let errors: Vec<String> = inputs.fits.arms.iter().filter_map(one).collect();
    match errors.as_slice() {
        [] => String::new(),
        errors => format!(
            " Fitted to the other budgets only, the surface predicts the losses of the largest budget with a mean error of {}.",
            errors.join(", ")
        ),
    }
}
