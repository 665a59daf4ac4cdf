//! Figure of loss against compute: runs, the best run so far, the optima of the profiles, the
//! frontiers, and the gap between them.

use std::collections::BTreeMap;

use super::axis::{Axis, scientific, steps};
use super::figure::{
    Figure, Ink, LegendEntry, LegendKey, MarkerShape, Panel, PanelMark, Stroke, group,
};
use super::format::multiplier;
use super::page_figure::PageFigure;
use super::{ReportInputs, cost, palette};
use isoflop_core::run::Budget;
use isoflop_fit::{ArmFit, CostAxis, Frontier};
use isoflop_table::{CurveRow, RunRow};

/// Space to the left of the cheapest run, for its training curve, as a factor of compute.
const LEFT_ROOM: f64 = 2.5;

/// Pieces of a curved frontier.
const PIECES: u32 = 32;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "frontier",
    title: "Loss against compute",
    caption: "Lower is better. Large markers are the optima of the profiles with their 95% intervals. Solid lines are the \
         fitted frontiers over the measured compute, and dashed lines extrapolate them. Small points are the final \
         losses of all runs, and thin stepped lines the best run so far. The double arrow is the compute multiplier: both of \
         its ends have the same loss.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let arms = &inputs.fits.arms;
    let finals = || {
        inputs
            .runs
            .iter()
            .filter_map(|run| final_point(inputs, run))
    };
    let vertices = || arms.iter().flat_map(vertices);
    let flops = || finals().map(|run| run.1).chain(vertices().map(|v| v.0));
    let least = flops().fold(f64::INFINITY, f64::min);
    let reach = flops().chain([least / LEFT_ROOM]);
    let x = Axis::log(&cost::axis_title(inputs), reach, scientific)?;
    let optima = vertices().flat_map(|(_, loss, low, high)| [loss, low, high]);
    let y = Axis::loss(finals().map(|run| run.2).chain(optima))?;
    let laws = arms.iter().flat_map(|arm| fitted(inputs, arm, &x));
    let marks = curves(inputs)
        .into_iter()
        .chain(arms.iter().flat_map(|arm| runs(inputs, arm, &x)))
        .chain(laws)
        .chain(gaps(inputs))
        .collect();
    let panel = Panel::new("", &x, &y, marks);
    Some(Figure::new(vec![panel], legend(inputs)))
}

/// (arm, C, L) of a finished run.
fn final_point<'a>(inputs: &ReportInputs<'_>, run: &'a RunRow) -> Option<(&'a str, f64, f64)> {
    cost::finished(run, cost::of_run(inputs, run))
}

/// The final losses of an arm's runs, and the stepped line of the best run so far.
fn runs(inputs: &ReportInputs<'_>, arm: &ArmFit, x: &Axis) -> Vec<PanelMark> {
    let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
    let marker = ink.with_alpha(0.45).point(shape, 2.2);
    let finals = inputs
        .runs
        .iter()
        .filter_map(|run| final_point(inputs, run));
    let own = finals.filter(|run| run.0 == arm.arm);
    let best = best_of_budgets(inputs, &arm.arm);
    let stairs = PanelMark::line(envelope(best, x.high), ink.with_alpha(0.55).line(1.0));
    own.map(|(_, flops, loss)| PanelMark::point((flops, loss), marker))
        .chain([stairs])
        .collect()
}

/// (C, L) of the best run of an arm at each budget. The compute of runs at one budget differs by a
/// part of a step. Without this the envelope would step down through all of them.
fn best_of_budgets(inputs: &ReportInputs<'_>, arm: &str) -> Vec<(f64, f64)> {
    let mut best: BTreeMap<Budget, (f64, f64)> = BTreeMap::new();
    for run in inputs.runs.iter().filter(|run| run.arm == arm) {
        if let Some((_, flops, loss)) = final_point(inputs, run) {
            let entry = best.entry(run.budget).or_insert((flops, loss));
            *entry = (entry.0.max(flops), entry.1.min(loss));
        }
    }
    best.into_values().collect()
}

/// (C, L*, low, high) of the optima that are not extrapolated. Without an interval, both ends are
/// L*.
fn vertices(arm: &ArmFit) -> impl Iterator<Item = (f64, f64, f64, f64)> + '_ {
    arm.profiles.iter().filter_map(|profile| {
        let vertex = profile.usable_vertex()?;
        let (low, high) = vertex
            .loss_opt_interval
            .map_or((vertex.loss_opt, vertex.loss_opt), |i| (i.low, i.high));
        Some((profile.flops, vertex.loss_opt, low, high))
    })
}

/// Training curves after the first step, if costs are in FLOPs: their other costs are unknown.
fn curves(inputs: &ReportInputs<'_>) -> Vec<PanelMark> {
    let mut runs: BTreeMap<&str, Vec<&CurveRow>> = BTreeMap::new();
    let is_drawn = |row: &&CurveRow| row.step > 0 && in_flops(inputs);
    for row in inputs.curves.iter().filter(is_drawn) {
        runs.entry(&row.run_id).or_default().push(row);
    }
    let line = |rows: Vec<&CurveRow>| {
        let ink = palette::arm(inputs.fits, &rows[0].arm).0;
        let points = rows.iter().map(|row| (row.flops, row.scores.loss_val));
        PanelMark::line(points, ink.with_alpha(0.22).line(0.75))
    };
    runs.into_values().map(line).collect()
}

fn in_flops(inputs: &ReportInputs<'_>) -> bool {
    inputs.fits.settings.cost == CostAxis::Flops
}

/// The lowest loss reached with at most C: a falling stepped line up to the right end.
pub(super) fn envelope(mut runs: Vec<(f64, f64)>, end: f64) -> Vec<(f64, f64)> {
    runs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (flops, loss) in runs {
        match steps.last() {
            Some((_, best)) if *best <= loss => continue,
            Some((_, best)) => steps.extend([(flops, *best), (flops, loss)]),
            None => steps.push((flops, loss)),
        }
    }
    let last = steps.last().map(|(_, loss)| (end, *loss));
    steps.into_iter().chain(last).collect()
}

/// The frontier, dashed outside the measured compute, and the optima.
fn fitted(inputs: &ReportInputs<'_>, arm: &ArmFit, x: &Axis) -> Vec<PanelMark> {
    let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
    let mut marks = Vec::new();
    if let Ok(frontier) = &arm.frontier {
        let (first, last) = frontier.flops_range;
        let beyond = [(x.low, first), (last, x.high)];
        marks.extend(beyond.map(|ends| line(frontier, ends, ink.dashed(1.25))));
        marks.push(line(frontier, (first, last), ink.line(2.25)));
    }
    for (flops, loss, low, high) in vertices(arm) {
        marks.push(PanelMark::interval(flops, (low, high), ink.line(1.25)));
        marks.push(PanelMark::point((flops, loss), ink.point(shape, 5.5)));
    }
    marks
}

/// A frontier as a line. A power law is straight on these axes, unless it has an irreducible loss.
fn line(frontier: &Frontier, (from, to): (f64, f64), stroke: Stroke) -> PanelMark {
    let pieces = if frontier.e > 0.0 { PIECES } else { 1 };
    let points = steps(from, to, pieces).map(|flops| (flops, frontier.loss(flops)));
    PanelMark::line(points, stroke)
}

/// The multipliers: horizontal distances, each at one loss. The texts of several would overlap.
/// Those have the colours of their variants instead, and the table has the numbers.
fn gaps(inputs: &ReportInputs<'_>) -> impl Iterator<Item = PanelMark> {
    let comparisons = &inputs.fits.comparisons;
    comparisons.iter().filter_map(|comparison| {
        let point = comparison.headline.as_ref().ok()?;
        let (from, text) = (point.flops / point.value?, multiplier(point)?);
        let (text, ink) = match comparisons.len() {
            1 => (text, Ink::BLACK),
            _ => (
                String::new(),
                palette::arm(inputs.fits, &comparison.variant).0,
            ),
        };
        Some(PanelMark::Gap {
            from,
            to: point.flops,
            y: point.loss,
            text,
            ink,
        })
    })
}

fn legend(inputs: &ReportInputs<'_>) -> Vec<LegendEntry> {
    let (arms, grey) = (&inputs.fits.arms, Ink::GREY);
    let names = arms.iter().map(|arm| arm.arm.as_str());
    let key = |ink: Ink, shape| (ink.line(2.25), ink.point(shape, 5.5));
    let optimum = LegendKey::IntervalPoint(grey.line(1.25), grey.point(MarkerShape::Circle, 5.0));
    let run = grey.with_alpha(0.6).point(MarkerShape::Circle, 2.2);
    let is_fitted = arms.iter().any(|arm| arm.frontier.is_ok());
    let marks = [
        (arms.iter().flat_map(vertices).next().is_some())
            .then(|| LegendEntry::new("optimum, 95% interval", optimum)),
        is_fitted.then(|| LegendEntry::new("fitted frontier", grey.line(2.25))),
        is_fitted.then(|| LegendEntry::new("extrapolated frontier", grey.dashed(1.25))),
        Some(LegendEntry::new("run, final loss", run)),
        Some(LegendEntry::new(
            "best run so far",
            grey.with_alpha(0.7).line(1.0),
        )),
        (!inputs.curves.is_empty() && in_flops(inputs))
            .then(|| LegendEntry::new("training curve", grey.with_alpha(0.4).line(0.75))),
        (gaps(inputs).next().is_some())
            .then(|| LegendEntry::new("compute multiplier", LegendKey::Gap(Ink::BLACK))),
    ];
    [
        palette::legend(inputs.fits, "arm", names, key),
        group("marks", marks.into_iter().flatten()),
    ]
    .concat()
}
