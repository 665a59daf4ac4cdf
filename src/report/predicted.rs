//! Measured loss against what the surface says of the same run: one panel an arm.

use super::Inputs;
use super::axis::{Axis, plain};
use super::figure::{Entry, Figure, Ink, Key, Mark, Marker, Panel, Shape};
use super::residuals::{predicted, surface_runs};
use super::{palette, words};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::Budget;
use isoflop_fit::surface::Surface;
use isoflop_fit::{ArmFit, Observation};

/// Of two or three panels side by side.
const HEIGHT: u32 = 400;

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let fitted: Vec<(&ArmFit, &Surface)> = inputs
        .fits
        .arms
        .iter()
        .filter_map(|arm| Some((arm, &arm.surface.as_ref().ok()?.surface)))
        .collect();
    let losses = || {
        fitted
            .iter()
            .flat_map(|(arm, s)| surface_runs(arm).flat_map(|run| [predicted(s, run), run.loss]))
    };
    // One range for both, so that the diagonal goes from corner to corner.
    let x = Axis::log(&LOSS_VAL.titled("loss by the surface"), losses(), plain)?;
    let y = Axis::log(&LOSS_VAL.title(), losses(), plain)?;
    let budgets = palette::budgets(inputs);
    let panel = |(arm, surface): &(&ArmFit, &Surface)| {
        let shape = palette::arm(inputs.fits, &arm.arm).1;
        let diagonal = Mark::line(vec![(x.low, y.low), (x.high, y.high)], Ink::BLACK.line(1.0));
        let largest = largest(arm);
        let run = |run: &Observation| {
            Mark::point(
                (predicted(surface, run), run.loss),
                marker(
                    palette::budget_among(&budgets, run.budget),
                    shape,
                    Some(run.budget) == largest,
                ),
            )
        };
        let marks = std::iter::once(diagonal)
            .chain(surface_runs(arm).map(run))
            .collect();
        Panel::new(arm.arm.clone(), x.clone(), y.clone(), marks)
    };
    let panels: Vec<Panel> = fitted.iter().map(panel).collect();
    // About square, as the diagonal is.
    let height = (2..=3).contains(&panels.len()).then_some(HEIGHT);
    Some(Figure {
        height,
        ..Figure::new("predicted", panels, legend(&fitted, &budgets))
    })
}

/// What the holdout holds out.
fn largest(arm: &ArmFit) -> Option<Budget> {
    surface_runs(arm).map(|run| run.budget).max()
}

fn marker(ink: Ink, shape: Shape, open: bool) -> Marker {
    let marker = ink.point(shape, 4.0);
    if open { marker.hollow() } else { marker }
}

fn legend(fitted: &[(&ArmFit, &Surface)], budgets: &[Budget]) -> Vec<Entry> {
    let mut entries = vec![Entry::heading("budget, FLOPs")];
    let drawn = |budget: &&Budget| {
        fitted
            .iter()
            .any(|(arm, _)| surface_runs(arm).any(|run| run.budget == **budget))
    };
    let open = |at: Budget| fitted.iter().any(|(arm, _)| largest(arm) == Some(at));
    entries.extend(budgets.iter().rev().filter(drawn).map(|budget| {
        let ink = palette::budget_among(budgets, *budget);
        Entry::new(
            words::budget(*budget),
            Key::Point(marker(ink, Shape::Circle, open(*budget))),
        )
    }));
    entries.push(Entry::heading("marks"));
    entries.push(Entry::new("as predicted", Key::Line(Ink::BLACK.line(1.0))));
    entries
}

/// What is said below the figure of the largest budget, predicted from the others.
pub(super) fn holdouts(inputs: &Inputs<'_>) -> String {
    let one = |arm: &ArmFit| {
        let holdout = arm.surface.as_ref().ok()?.holdout?;
        Some(format!(
            "{:+.2}% for `{}`",
            100.0 * holdout.mean_error,
            arm.arm
        ))
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
