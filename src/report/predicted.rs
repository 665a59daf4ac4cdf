//! Measured loss against what the surface says of the same run: one panel an arm.

use super::Inputs;
use super::axis::{Axis, plain};
use super::figure::{Entry, Figure, Ink, Mark, Panel, Shape, group};
use super::page_figure::PageFigure;
use super::palette::{self, Budgets};
use super::residuals::{predicted, surface_runs};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::Budget;
use isoflop_fit::surface::Surface;
use isoflop_fit::{ArmFit, Observation};

/// Of two or three panels side by side.
const HEIGHT: u32 = 400;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "predicted",
    title: "Measured loss against the surface's",
    caption: "On the diagonal a run is where its architecture's surface, fitted to all runs, puts it. Open markers are the runs \
         of the largest budget.",
    draw,
};

fn draw(inputs: &Inputs<'_>) -> Option<Figure> {
    let fitted: Vec<(&ArmFit, &Surface)> = inputs.fits.arms.iter().filter_map(fitted).collect();
    let losses = || {
        fitted
            .iter()
            .flat_map(|(arm, s)| surface_runs(arm).flat_map(|run| [predicted(s, run), run.loss]))
    };
    // One range for both, so that the diagonal goes from corner to corner.
    let x = Axis::log(&LOSS_VAL.titled("loss by the surface"), losses(), plain)?;
    let y = Axis::loss(losses())?;
    let budgets = Budgets::of(inputs);
    let panel = |(arm, surface): &(&ArmFit, &Surface)| {
        let shape = palette::arm(inputs.fits, &arm.arm).1;
        let diagonal = Mark::line([(x.low, y.low), (x.high, y.high)], Ink::BLACK.line(1.0));
        let largest = largest(arm);
        let run = |run: &Observation| {
            let marker = budgets.ink(run.budget).point(shape, 4.0);
            let at = (predicted(surface, run), run.loss);
            Mark::point(at, marker.hollow_if(Some(run.budget) == largest))
        };
        let marks = std::iter::once(diagonal).chain(surface_runs(arm).map(run));
        Panel::new(&arm.arm, &x, &y, marks.collect())
    };
    let panels: Vec<Panel> = fitted.iter().map(panel).collect();
    // About square, as the diagonal is.
    let height = (2..=3).contains(&panels.len()).then_some(HEIGHT);
    Some(Figure {
        height,
        ..Figure::new(panels, legend(&fitted, &budgets))
    })
}

fn fitted(arm: &ArmFit) -> Option<(&ArmFit, &Surface)> {
    Some((arm, &arm.surface.as_ref().ok()?.surface))
}

/// What the holdout holds out.
fn largest(arm: &ArmFit) -> Option<Budget> {
    surface_runs(arm).map(|run| run.budget).max()
}

fn legend(fitted: &[(&ArmFit, &Surface)], budgets: &Budgets) -> Vec<Entry> {
    let arms = || fitted.iter().map(|(arm, _)| *arm);
    let drawn = |budget| arms().any(|arm| surface_runs(arm).any(|run| run.budget == budget));
    let open = |budget| arms().any(|arm| largest(arm) == Some(budget));
    let key = |budget, ink: Ink| ink.point(Shape::Circle, 4.0).hollow_if(open(budget));
    let diagonal = Entry::new("as predicted", Ink::BLACK.line(1.0));
    [budgets.legend(drawn, key), group("marks", [diagonal])].concat()
}

/// What is said below the figure of the largest budget, predicted from the others.
pub(super) fn holdouts(inputs: &Inputs<'_>) -> String {
    let one = |arm: &ArmFit| {
        let holdout = arm.surface.as_ref().ok()?.holdout?;
        let error = 100.0 * holdout.mean_error;
        Some(format!("{error:+.2}% for `{}`", arm.arm))
    };
    let errors: Vec<String> = inputs.fits.arms.iter().filter_map(one).collect();
    match errors.as_slice() {
        [] => String::new(),
        errors => format!(
            " A surface through the runs of the other budgets alone misses those of the largest by {} on average.",
            errors.join(", ")
        ),
    }
}
