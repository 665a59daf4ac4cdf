//! Training curves: validation loss against tokens, one panel an arm.

use super::Inputs;
use super::axis::{Axis, count, plain};
use super::figure::{Entry, Figure, Key, Mark, Panel};
use super::palette;
use super::words::{budget, budget_unit};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::Budget;
use isoflop_table::{CurveRow, RunStatus};

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    // Before the first step no token was seen, which a logarithmic axis cannot show.
    let rows: Vec<&CurveRow> = inputs.curves.iter().filter(|row| row.step > 0).collect();
    let budgets = palette::budgets(inputs);
    // A run that blew up must not flatten the others: its curve is cut off.
    let diverged = |run_id: &str| {
        inputs
            .runs
            .iter()
            .any(|r| r.run_id == run_id && r.status == RunStatus::Diverged)
    };
    let sound: Vec<&&CurveRow> = rows.iter().filter(|row| !diverged(&row.run_id)).collect();
    let x = Axis::log(
        "tokens trained on",
        sound.iter().map(|row| row.tokens as f64),
        count,
    )?;
    let y = Axis::log(
        &LOSS_VAL.title(),
        sound.iter().map(|row| row.scores.loss_val),
        plain,
    )?;
    let mut arms: Vec<&str> = Vec::new();
    for row in &rows {
        if !arms.contains(&row.arm.as_str()) {
            arms.push(&row.arm);
        }
    }
    let panel = |arm: &&str| {
        Panel::new(
            (*arm).to_owned(),
            x.clone(),
            y.clone(),
            lines(&rows, arm, &budgets),
        )
    };
    let unit = budget_unit(inputs.runs);
    let mut legend = vec![Entry::heading(format!("budget, {unit}"))];
    let drawn = |at: &&Budget| rows.iter().any(|row| row.budget == **at);
    legend.extend(budgets.iter().rev().filter(drawn).map(|at| {
        Entry::new(
            budget(*at),
            Key::Line(palette::budget_among(&budgets, *at).line(3.0)),
        )
    }));
    Some(Figure::new(
        "curves",
        arms.iter().map(panel).collect(),
        legend,
    ))
}

fn lines(rows: &[&CurveRow], arm: &str, budgets: &[Budget]) -> Vec<Mark> {
    let mut own: Vec<&&CurveRow> = rows.iter().filter(|row| row.arm == arm).collect();
    // Stable, so that the points of a run keep their order; the dearest budgets are drawn last.
    own.sort_by(|a, b| a.budget.cmp(&b.budget).then(a.run_id.cmp(&b.run_id)));
    let line = |run: &[&&CurveRow]| {
        let points = run
            .iter()
            .map(|row| (row.tokens as f64, row.scores.loss_val))
            .collect();
        Mark::line(
            points,
            palette::budget_among(budgets, run[0].budget)
                .faint(0.8)
                .line(1.25),
        )
    };
    own.chunk_by(|a, b| a.run_id == b.run_id)
        .map(line)
        .collect()
}
