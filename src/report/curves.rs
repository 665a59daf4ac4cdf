//! Figure of training curves: validation loss against tokens, one panel for each arm.

use std::collections::HashSet;

use super::ReportInputs;
use super::axis::{Axis, count};
use super::figure::{Figure, Panel, PanelMark};
use super::page_figure::PageFigure;
use super::palette::{BudgetColours, names};
use isoflop_table::{CurveRow, RunStatus};

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "curves",
    title: "Training curves",
    caption: "Validation loss during training, one line for each run. Both axes are logarithmic. Diverged runs are \
         cut off where they leave the range of the others.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    // Before the first step the number of tokens is 0, which a logarithmic axis cannot show.
    let rows: Vec<&CurveRow> = inputs.curves.iter().filter(|row| row.step > 0).collect();
    let budgets = BudgetColours::of(inputs);
    // The range of the axes excludes diverged runs, which would flatten the others.
    let diverged = inputs.runs.iter();
    let diverged = diverged.filter(|run| run.status == RunStatus::Diverged);
    let diverged: HashSet<&str> = diverged.map(|run| run.run_id.as_str()).collect();
    let sound: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| !diverged.contains(row.run_id.as_str()))
        .map(|row| at(row))
        .collect();
    let x = Axis::log("training tokens", sound.iter().map(|at| at.0), count)?;
    let y = Axis::loss(sound.iter().map(|at| at.1))?;
    let arms = names(rows.iter().map(|row| row.arm.as_str()));
    let panel = |arm: &str| Panel::new(arm, &x, &y, lines(&rows, arm, &budgets));
    let drawn = |budget| rows.iter().any(|row| row.budget == budget);
    let legend = budgets.legend(drawn, |_, ink| ink.line(3.0));
    Some(Figure::new(arms.into_iter().map(panel).collect(), legend))
}

/// Tokens and loss.
fn at(row: &CurveRow) -> (f64, f64) {
    (row.tokens as f64, row.scores.loss_val)
}

fn lines(rows: &[&CurveRow], arm: &str, budgets: &BudgetColours) -> Vec<PanelMark> {
    let mut own: Vec<&CurveRow> = rows.iter().copied().filter(|row| row.arm == arm).collect();
    // The sort is stable: the points of a run keep their order. The largest budgets are drawn last.
    own.sort_by(|a, b| a.budget.cmp(&b.budget).then(a.run_id.cmp(&b.run_id)));
    let line = |run: &[&CurveRow]| {
        let stroke = budgets.ink(run[0].budget).with_alpha(0.8).line(1.25);
        PanelMark::line(run.iter().map(|row| at(row)), stroke)
    };
    own.chunk_by(|a, b| a.run_id == b.run_id)
        .map(line)
        .collect()
}
