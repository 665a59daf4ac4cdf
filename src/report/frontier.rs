//! Loss against compute: runs, their envelopes, the optima of the profiles, the frontiers, and the gap between them.

use std::collections::BTreeMap;

use super::axis::{Axis, plain, scientific};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape};
use super::palette;
use super::words::multiplier;
use super::{Inputs, cost};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::Budget;
use isoflop_fit::{ArmFit, Comparison, Cost, Frontier};
use isoflop_table::{CurveRow, RunRow, RunStatus};

/// Room left of the cheapest run, where its training curve comes down, as a factor of compute.
const LEFT_ROOM: f64 = 2.5;

/// Pieces that a curved frontier is drawn in.
const PIECES: u32 = 32;

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let finals: Vec<(&str, f64, f64)> = inputs
        .runs
        .iter()
        .filter_map(|run| last(inputs, run))
        .collect();
    let vertices = || inputs.fits.arms.iter().flat_map(vertices);
    let flops = || {
        finals
            .iter()
            .map(|(_, flops, _)| *flops)
            .chain(vertices().map(|v| v.0))
    };
    let least = flops().fold(f64::INFINITY, f64::min);
    let x = Axis::log(
        &cost::axis_title(inputs),
        flops().chain([least / LEFT_ROOM]),
        scientific,
    )?;
    let losses = finals
        .iter()
        .map(|(_, _, loss)| *loss)
        .chain(vertices().flat_map(|(_, loss, low, high)| [loss, low, high]));
    let y = Axis::log(&LOSS_VAL.title(), losses, plain)?;
    let fits = inputs.fits;
    let mut marks = curves(inputs);
    for arm in &fits.arms {
        let (ink, shape) = palette::arm(fits, &arm.arm);
        let own: Vec<(f64, f64)> = finals
            .iter()
            .filter(|(name, _, _)| *name == arm.arm)
            .map(|(_, c, l)| (*c, *l))
            .collect();
        marks.extend(
            own.iter()
                .map(|at| Mark::point(*at, ink.faint(0.45).point(shape, 2.2))),
        );
        let best = best_of_budgets(inputs, &arm.arm);
        marks.push(Mark::line(
            envelope(best, x.high),
            ink.faint(0.55).line(1.0),
        ));
    }
    for arm in &fits.arms {
        marks.extend(fitted(arm, palette::arm(fits, &arm.arm), (x.low, x.high)));
    }
    marks.extend(gaps(inputs));
    let panel = Panel::untitled(x, y, marks);
    Some(Figure::new("frontier", vec![panel], legend(inputs)))
}

/// (arm, C, L) of a finished run.
fn last<'a>(inputs: &Inputs<'_>, run: &'a RunRow) -> Option<(&'a str, f64, f64)> {
    let loss = run.loss().filter(|_| run.status == RunStatus::Finished)?;
    Some((&run.arm, cost::of_run(inputs, run)?, loss))
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
    for row in inputs
        .curves
        .iter()
        .filter(|row| row.step > 0 && in_flops(inputs))
    {
        runs.entry(&row.run_id).or_default().push(row);
    }
    let line = |rows: Vec<&CurveRow>| {
        let ink = palette::arm(inputs.fits, &rows[0].arm).0;
        let points = rows
            .iter()
            .map(|row| (row.flops, row.scores.loss_val))
            .collect();
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

fn fitted(arm: &ArmFit, (ink, shape): (Ink, Shape), range: (f64, f64)) -> Vec<Mark> {
    let mut marks = Vec::new();
    if let Ok(frontier) = &arm.frontier {
        let (first, last) = frontier.flops_range;
        marks.extend(
            [(range.0, first), (last, range.1)].map(|ends| line(frontier, ends, ink.dashed(1.25))),
        );
        marks.push(line(frontier, (first, last), ink.line(2.25)));
    }
    for (flops, loss, low, high) in vertices(arm) {
        marks.push(Mark::interval(flops, (low, high), ink.line(1.25)));
        marks.push(Mark::point((flops, loss), ink.point(shape, 5.5)));
    }
    marks
}

/// A power law is straight on these axes; with an irreducible loss it is not.
fn line(frontier: &Frontier, (from, to): (f64, f64), stroke: super::figure::Stroke) -> Mark {
    let pieces = if frontier.e > 0.0 { PIECES } else { 1 };
    let flops = |i: u32| from * (to / from).powf(f64::from(i) / f64::from(pieces));
    Mark::line(
        (0..=pieces)
            .map(|i| (flops(i), frontier.loss(flops(i))))
            .collect(),
        stroke,
    )
}

/// Several would cover each other's texts: those have the colours of their variants instead, and the table has the numbers.
fn gaps(inputs: &Inputs<'_>) -> Vec<Mark> {
    let comparisons = &inputs.fits.comparisons;
    let marks = comparisons
        .iter()
        .filter_map(|comparison| Some((comparison, gap(comparison)?)));
    let quiet = |(comparison, mark): (&Comparison, Mark)| match mark {
        Mark::Gap { from, to, y, .. } if comparisons.len() > 1 => {
            let ink = palette::arm(inputs.fits, &comparison.variant).0;
            Mark::Gap {
                from,
                to,
                y,
                text: String::new(),
                ink,
            }
        }
        other => other,
    };
    marks.map(quiet).collect()
}

/// The multiplier is the horizontal distance at one loss.
fn gap(comparison: &Comparison) -> Option<Mark> {
    let point = comparison.headline.as_ref().ok()?;
    let value = point.value?;
    let text = multiplier(point)?;
    Some(Mark::Gap {
        from: point.flops / value,
        to: point.flops,
        y: point.loss,
        text,
        ink: Ink::BLACK,
    })
}

fn legend(inputs: &Inputs<'_>) -> Vec<Entry> {
    let grey = Ink::GREY;
    let mut entries = vec![Entry::heading("architecture")];
    entries.extend(inputs.fits.arms.iter().map(|arm| {
        let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
        Entry::new(
            arm.arm.clone(),
            Key::LinePoint(ink.line(2.25), ink.point(shape, 5.5)),
        )
    }));
    entries.push(Entry::heading("marks"));
    if inputs
        .fits
        .arms
        .iter()
        .any(|arm| vertices(arm).next().is_some())
    {
        entries.push(Entry::new(
            "optimum, 95%",
            Key::IntervalPoint(grey.line(1.25), grey.point(Shape::Circle, 5.0)),
        ));
    }
    if inputs.fits.arms.iter().any(|arm| arm.frontier.is_ok()) {
        entries.push(Entry::new("frontier, fitted", Key::Line(grey.line(2.25))));
        entries.push(Entry::new("frontier, beyond", Key::Line(grey.dashed(1.25))));
    }
    entries.push(Entry::new(
        "run, final loss",
        Key::Point(grey.faint(0.6).point(Shape::Circle, 2.2)),
    ));
    entries.push(Entry::new(
        "best run so far",
        Key::Line(grey.faint(0.7).line(1.0)),
    ));
    if !inputs.curves.is_empty() && in_flops(inputs) {
        entries.push(Entry::new(
            "training curve",
            Key::Line(grey.faint(0.4).line(0.75)),
        ));
    }
    if inputs
        .fits
        .comparisons
        .iter()
        .any(|comparison| gap(comparison).is_some())
    {
        entries.push(Entry::new("compute multiplier", Key::Gap(Ink::BLACK)));
    }
    entries
}
