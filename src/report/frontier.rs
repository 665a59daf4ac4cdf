//! Loss against compute: runs, their envelopes, the optima of the profiles, the frontiers, and the gap between them.

use std::collections::BTreeMap;

use super::axis::{Axis, scientific, steps};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape, Stroke, group};
use super::page_figure::PageFigure;
use super::words::multiplier;
use super::{Inputs, cost, palette};
use isoflop_core::run::Budget;
use isoflop_fit::{ArmFit, Cost, Frontier};
use isoflop_table::{CurveRow, RunRow};

/// Room left of the cheapest run, where its training curve comes down, as a factor of compute.
const LEFT_ROOM: f64 = 2.5;

/// Pieces that a curved frontier is drawn in.
const PIECES: u32 = 32;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "frontier",
    title: "Loss against compute",
    caption: "Lower is better. Large markers are the optima of the profiles with their 95% intervals, solid lines the \
         fitted frontiers over the compute they were measured at (dashed beyond), small points the final losses \
         of all runs, the thin stairs the best of them so far. The double arrow is the compute multiplier: both \
         ends have the same loss.",
    draw,
};

fn draw(inputs: &Inputs<'_>) -> Option<Figure> {
    let arms = &inputs.fits.arms;
    let finals = || inputs.runs.iter().filter_map(|run| last(inputs, run));
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
fn last<'a>(inputs: &Inputs<'_>, run: &'a RunRow) -> Option<(&'a str, f64, f64)> {
    cost::finished(run, cost::of_run(inputs, run))
}

/// The final losses of an arm's runs, and the stairs of the best of them.
fn runs(inputs: &Inputs<'_>, arm: &ArmFit, x: &Axis) -> Vec<Mark> {
    let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
    let marker = ink.faint(0.45).point(shape, 2.2);
    let finals = inputs.runs.iter().filter_map(|run| last(inputs, run));
    let own = finals.filter(|run| run.0 == arm.arm);
    let best = best_of_budgets(inputs, &arm.arm);
    let stairs = Mark::line(envelope(best, x.high), ink.faint(0.55).line(1.0));
    own.map(|(_, flops, loss)| Mark::point((flops, loss), marker))
        .chain([stairs])
        .collect()
}

/// (C, L) of the best run of an arm at each budget. Runs of one budget differ by a part of a step in what they
/// spent: without this the envelope would climb down through them.
fn best_of_budgets(inputs: &Inputs<'_>, arm: &str) -> Vec<(f64, f64)> {
    let mut best: BTreeMap<Budget, (f64, f64)> = BTreeMap::new();
    for run in inputs.runs.iter().filter(|run| run.arm == arm) {
        if let Some((_, flops, loss)) = last(inputs, run) {
            let entry = best.entry(run.budget).or_insert((flops, loss));
            *entry = (entry.0.max(flops), entry.1.min(loss));
        }
    }
    best.into_values().collect()
}

/// (C, L*, low, high) of the optima that can be trusted; without an interval it is empty.
fn vertices(arm: &ArmFit) -> impl Iterator<Item = (f64, f64, f64, f64)> + '_ {
    arm.profiles.iter().filter_map(|profile| {
        let vertex = profile.trusted()?;
        let (low, high) = vertex
            .loss_opt_interval
            .map_or((vertex.loss_opt, vertex.loss_opt), |i| (i.low, i.high));
        Some((profile.flops, vertex.loss_opt, low, high))
    })
}

/// Training curves, after the first step; what they cost is known in FLOPs.
fn curves(inputs: &Inputs<'_>) -> Vec<Mark> {
    let mut runs: BTreeMap<&str, Vec<&CurveRow>> = BTreeMap::new();
    let is_drawn = |row: &&CurveRow| row.step > 0 && in_flops(inputs);
    for row in inputs.curves.iter().filter(is_drawn) {
        runs.entry(&row.run_id).or_default().push(row);
    }
    let line = |rows: Vec<&CurveRow>| {
        let ink = palette::arm(inputs.fits, &rows[0].arm).0;
        let points = rows.iter().map(|row| (row.flops, row.scores.loss_val));
        Mark::line(points, ink.faint(0.22).line(0.75))
    };
    runs.into_values().map(line).collect()
}

fn in_flops(inputs: &Inputs<'_>) -> bool {
    inputs.fits.settings.cost == Cost::Flops
}

/// The least loss reached with at most C, a falling staircase up to the right end.
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

/// The frontier, dashed where it was not measured, and the optima.
fn fitted(inputs: &Inputs<'_>, arm: &ArmFit, x: &Axis) -> Vec<Mark> {
    let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
    let mut marks = Vec::new();
    if let Ok(frontier) = &arm.frontier {
        let (first, last) = frontier.flops_range;
        let beyond = [(x.low, first), (last, x.high)];
        marks.extend(beyond.map(|ends| line(frontier, ends, ink.dashed(1.25))));
        marks.push(line(frontier, (first, last), ink.line(2.25)));
    }
    for (flops, loss, low, high) in vertices(arm) {
        marks.push(Mark::interval(flops, (low, high), ink.line(1.25)));
        marks.push(Mark::point((flops, loss), ink.point(shape, 5.5)));
    }
    marks
}

/// A power law is straight on these axes; with an irreducible loss it is not.
fn line(frontier: &Frontier, (from, to): (f64, f64), stroke: Stroke) -> Mark {
    let pieces = if frontier.e > 0.0 { PIECES } else { 1 };
    let points = steps(from, to, pieces).map(|flops| (flops, frontier.loss(flops)));
    Mark::line(points, stroke)
}

/// The multipliers: horizontal distances, each at one loss. Several would cover each other's texts: those have the colours
/// of their variants instead, and the table has the numbers.
fn gaps(inputs: &Inputs<'_>) -> impl Iterator<Item = Mark> {
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
        Some(Mark::Gap {
            from,
            to: point.flops,
            y: point.loss,
            text,
            ink,
        })
    })
}

fn legend(inputs: &Inputs<'_>) -> Vec<Entry> {
    let (arms, grey) = (&inputs.fits.arms, Ink::GREY);
    let names = arms.iter().map(|arm| arm.arm.as_str());
    let key = |ink: Ink, shape| (ink.line(2.25), ink.point(shape, 5.5));
    let optimum = Key::IntervalPoint(grey.line(1.25), grey.point(Shape::Circle, 5.0));
    let run = grey.faint(0.6).point(Shape::Circle, 2.2);
    let is_fitted = arms.iter().any(|arm| arm.frontier.is_ok());
    let marks = [
        (arms.iter().flat_map(vertices).next().is_some())
            .then(|| Entry::new("optimum, 95%", optimum)),
        is_fitted.then(|| Entry::new("frontier, fitted", grey.line(2.25))),
        is_fitted.then(|| Entry::new("frontier, beyond", grey.dashed(1.25))),
        Some(Entry::new("run, final loss", run)),
        Some(Entry::new("best run so far", grey.faint(0.7).line(1.0))),
        (!inputs.curves.is_empty() && in_flops(inputs))
            .then(|| Entry::new("training curve", grey.faint(0.4).line(0.75))),
        (gaps(inputs).next().is_some())
            .then(|| Entry::new("compute multiplier", Key::Gap(Ink::BLACK))),
    ];
    [
        palette::legend(inputs.fits, "architecture", names, key),
        group("marks", marks.into_iter().flatten()),
    ]
    .concat()
}
