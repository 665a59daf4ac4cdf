//! Loss against device-seconds: what a reader pays, where FLOPs are not equally fast in all arms.

use super::Inputs;
use super::axis::{Axis, count, plain};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape};
use super::frontier::envelope;
use super::palette;
use isoflop_core::metrics::{DEVICE_SECONDS, LOSS_VAL};
use isoflop_table::{RunRow, RunStatus};

/// An arm's runs: (device-seconds, loss).
type Arm<'a> = (&'a str, Vec<(f64, f64)>);

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let arms = by_arm(inputs);
    let runs = || arms.iter().flat_map(|(_, runs)| runs);
    let x = Axis::log(
        &DEVICE_SECONDS.title(),
        runs().map(|(seconds, _)| *seconds),
        count,
    )?;
    let y = Axis::log(&LOSS_VAL.title(), runs().map(|(_, loss)| *loss), plain)?;
    let point = |(arm, runs): &Arm<'_>| {
        let (ink, shape) = palette::arm(inputs.fits, arm);
        let marker = ink.faint(0.5).point(shape, 3.0);
        runs.iter()
            .map(|at| Mark::point(*at, marker))
            .collect::<Vec<_>>()
    };
    let stairs = |(arm, runs): &Arm<'_>| {
        let ink = palette::arm(inputs.fits, arm).0;
        Mark::line(envelope(runs.clone(), x.high), ink.line(1.75))
    };
    let marks = arms
        .iter()
        .flat_map(point)
        .chain(arms.iter().map(stairs))
        .collect();
    let mut legend = palette::legend(inputs, arms.iter().map(|(arm, _)| *arm));
    legend.push(Entry::heading("marks"));
    legend.push(Entry::new(
        "run, final loss",
        Key::Point(Ink::GREY.faint(0.6).point(Shape::Circle, 3.0)),
    ));
    legend.push(Entry::new(
        "best run so far",
        Key::Line(Ink::GREY.line(1.75)),
    ));
    let panel = Panel::untitled(x, y, marks);
    Some(Figure::new("seconds", vec![panel], legend))
}

fn by_arm<'a>(inputs: &Inputs<'a>) -> Vec<Arm<'a>> {
    let mut arms: Vec<Arm<'_>> = Vec::new();
    for (arm, at) in inputs.runs.iter().filter_map(timed) {
        match arms.iter_mut().find(|(name, _)| *name == arm) {
            Some((_, runs)) => runs.push(at),
            None => arms.push((arm, vec![at])),
        }
    }
    arms
}

/// A run that spent all of its time itself: not one that took over a trunk.
fn timed(run: &RunRow) -> Option<(&str, (f64, f64))> {
    let loss = run.loss().filter(|_| run.status == RunStatus::Finished)?;
    Some((&run.arm, (run.device_seconds()?, loss)))
}

/// On what the runs that are drawn were timed.
pub(super) fn hardware<'a>(inputs: &Inputs<'a>) -> Vec<&'a str> {
    let timed = inputs.runs.iter().filter(|run| timed(run).is_some());
    let mut names: Vec<&str> = timed.filter_map(|run| run.hardware.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
