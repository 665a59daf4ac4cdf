//! The compute multiplier against the baseline's compute, with its 95% band.

use super::Inputs;
use super::axis::{Axis, plain, scientific};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape};
use super::palette;
use super::words::multiplier;
use crate::fit::{Comparison, MultiplierPoint, MultiplierStatus};

/// A band may reach this factor beyond the values; a wider one would flatten the line.
const WIDEST: f64 = 4.0;

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let comparisons = &inputs.fits.comparisons;
    let points = || comparisons.iter().flat_map(|c| c.multiplier.iter().chain(c.headline.as_ref().ok()));
    let values = || points().filter_map(|p| p.value).chain([1.0]);
    points().find_map(|p| p.value)?;
    let (least, most) = values().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    let reach = |v: f64| v.clamp(least / WIDEST, most * WIDEST);
    let shown = points().flat_map(|p| [p.low, p.high]).flatten().map(reach).chain(values());
    let x = Axis::log(
        &format!("C of the baseline, training {}", inputs.fits.settings.cost.unit()),
        points().map(|p| p.flops),
        scientific,
    )?;
    let y = Axis::log("compute multiplier at equal loss, C baseline / C variant", shown, plain)?;
    let mut marks = refused(comparisons, &x);
    marks.push(Mark::Line { points: vec![(x.low, 1.0), (x.high, 1.0)], stroke: Ink::BLACK.dashed(1.0) });
    for comparison in comparisons {
        marks.extend(lines(comparison, palette::arm(inputs.fits, &comparison.variant)));
    }
    let panel = Panel { title: String::new(), x, y, marks };
    Some(Figure { name: "multiplier", panels: vec![panel], legend: legend(inputs), height: None })
}

/// Where no comparison has a value, in grey.
fn refused(comparisons: &[Comparison], axis: &Axis) -> Vec<Mark> {
    // With several variants the ranges differ; there the missing line says it.
    let [comparison] = comparisons else { return Vec::new() };
    let pairs = comparison.multiplier.windows(2).filter(|pair| pair.iter().any(|p| p.value.is_none()));
    let (mut shades, mut last) = (Vec::new(), None);
    for pair in pairs {
        match last {
            Some((from, to)) if to == pair[0].flops => last = Some((from, pair[1].flops)),
            _ => {
                shades.extend(last);
                last = Some((pair[0].flops, pair[1].flops));
            }
        }
    }
    shades.extend(last);
    // The margins of the axis lie beyond the list: they go with its ends.
    let first = comparison.multiplier.first().map(|p| p.flops);
    let last = comparison.multiplier.last().map(|p| p.flops);
    let shade = |(from, to)| Mark::Shade {
        from: if Some(from) == first { axis.low } else { from },
        to: if Some(to) == last { axis.high } else { to },
    };
    shades.into_iter().map(shade).collect()
}

fn lines(comparison: &Comparison, (ink, shape): (Ink, Shape)) -> Vec<Mark> {
    let mut marks = Vec::new();
    let kinds = [(MultiplierStatus::Measured, ink.line(2.25)), (MultiplierStatus::Extrapolated, ink.dashed(1.5))];
    for (status, stroke) in kinds {
        // Stretches of one status: extrapolation lies on both sides of what was measured.
        for stretch in comparison.multiplier.chunk_by(|a, b| a.status == b.status) {
            if stretch[0].status != status {
                continue;
            }
            let alpha = if status == MultiplierStatus::Measured { 0.2 } else { 0.08 };
            marks.push(Mark::Band { points: stretch.iter().filter_map(band).collect(), ink: ink.faint(alpha) });
            let points = stretch.iter().filter_map(|p| Some((p.flops, p.value?))).collect();
            marks.push(Mark::Line { points, stroke });
        }
    }
    if let Ok(point) = &comparison.headline {
        marks.extend(headline(point, ink, shape, rises(comparison)));
    }
    marks
}

fn band(point: &MultiplierPoint) -> Option<(f64, f64, f64)> {
    Some((point.flops, point.low?, point.high?))
}

/// A line that rises leaves room for a text to the left of a point, one that falls to the right.
fn rises(comparison: &Comparison) -> bool {
    comparison.growth.is_some_and(|growth| growth.exponent > 0.0)
}

fn headline(point: &MultiplierPoint, ink: Ink, shape: Shape, left: bool) -> Vec<Mark> {
    let Some(value) = point.value else { return Vec::new() };
    let mut marks = Vec::new();
    if let (Some(low), Some(high)) = (point.low, point.high) {
        marks.push(Mark::Interval { x: point.flops, low, high, stroke: ink.line(1.5) });
    }
    marks.push(Mark::Point { at: (point.flops, value), marker: ink.point(shape, 6.0) });
    let top = point.high.unwrap_or(value);
    marks.extend(multiplier(point).map(|text| Mark::Above { at: (point.flops, top), text, left, ink: Ink::BLACK }));
    marks
}

fn legend(inputs: &Inputs<'_>) -> Vec<Entry> {
    let comparisons = &inputs.fits.comparisons;
    let grey = Ink::GREY;
    let mut entries = vec![Entry::new(format!("against {}", inputs.fits.settings.baseline), Key::Heading)];
    entries.extend(comparisons.iter().filter(|c| c.headline.is_ok()).map(|c| {
        let (ink, shape) = palette::arm(inputs.fits, &c.variant);
        Entry::new(c.variant.clone(), Key::LinePoint(ink.line(2.25), ink.point(shape, 5.0)))
    }));
    entries.push(Entry::new("marks", Key::Heading));
    entries.push(Entry::new("headline, 95%", Key::IntervalPoint(grey.line(1.5), grey.point(Shape::Circle, 5.0))));
    entries.push(Entry::new("95% band", Key::Swatch(band_ink(inputs).faint(0.2))));
    entries.push(Entry::new("equal cost", Key::Line(Ink::BLACK.dashed(1.0))));
    let has = |status| comparisons.iter().any(|c| c.multiplier.iter().any(|p| p.status == status));
    if has(MultiplierStatus::Extrapolated) {
        entries.push(Entry::new("extrapolated", Key::Line(grey.dashed(1.5))));
    }
    if has(MultiplierStatus::Refused) && comparisons.len() == 1 {
        entries.push(Entry::new("not measured in both", Key::Swatch(Ink::PALE)));
    }
    entries
}

/// The colour of the only variant, or grey for several.
fn band_ink(inputs: &Inputs<'_>) -> Ink {
    match inputs.fits.comparisons.as_slice() {
        [only] => palette::arm(inputs.fits, &only.variant).0,
        _ => Ink::GREY,
    }
}
