//! The compute multiplier against the baseline's compute and against the loss, with its 95% band.

use super::Inputs;
use super::axis::{Axis, plain, scientific};
use super::figure::{Entry, Figure, Ink, Key, Mark, Marker, Panel, Shape};
use super::palette;
use super::words::multiplier;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{Approach, Comparison, MultiplierPoint, MultiplierStatus};

/// A band may reach this factor beyond the values; a wider one would flatten the line.
const WIDEST: f64 = 4.0;
/// Share of the axis between the headline and the markers of other approaches, and between those.
const BESIDE: f64 = 0.035;
/// Comparisons whose headlines are written beside them: more would cover each other, and the table has them.
const WRITTEN: usize = 2;

/// What a panel shows the multiplier against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Against {
    Compute,
    Loss,
}

impl Against {
    fn of(self, point: &MultiplierPoint) -> f64 {
        match self {
            Self::Compute => point.flops,
            Self::Loss => point.loss,
        }
    }

    /// More compute, and less loss, to the right.
    fn axis(self, inputs: &Inputs<'_>) -> Option<Axis> {
        let values = points(&inputs.fits.comparisons).map(|point| self.of(point));
        match self {
            Self::Compute => {
                let title = format!(
                    "C of the baseline, training {}",
                    inputs.fits.settings.cost.unit()
                );
                Axis::log(&title, values, scientific)
            }
            Self::Loss => Axis::log(&LOSS_VAL.titled("loss that both reach"), values, plain)
                .map(Axis::reversed),
        }
    }
}

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let comparisons = &inputs.fits.comparisons;
    let others = || {
        comparisons
            .iter()
            .flat_map(others)
            .filter_map(|(_, point)| point.value)
    };
    let values = || points(comparisons).filter_map(|p| p.value).chain([1.0]);
    points(comparisons).find_map(|p| p.value)?;
    let (least, most) = values().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    let reach = |v: f64| v.clamp(least / WIDEST, most * WIDEST);
    let ends = points(comparisons)
        .flat_map(|p| [p.low, p.high])
        .flatten()
        .chain(others());
    let y = Axis::log(
        "compute multiplier at equal loss, C baseline / C variant",
        ends.map(reach).chain(values()),
        plain,
    )?;
    let panel = |against: Against| {
        let x = against.axis(inputs)?;
        let marks = marks(inputs, against, &x);
        Some(Panel::untitled(x, y.clone(), marks))
    };
    let panels: Vec<Panel> = [Against::Compute, Against::Loss]
        .into_iter()
        .filter_map(panel)
        .collect();
    Some(Figure::new("multiplier", panels, legend(inputs)))
}

fn points(comparisons: &[Comparison]) -> impl Iterator<Item = &MultiplierPoint> {
    comparisons
        .iter()
        .flat_map(|c| c.multiplier.iter().chain(c.headline.as_ref().ok()))
}

/// What the other approaches say at the headline's compute.
fn others(comparison: &Comparison) -> impl Iterator<Item = (Approach, &MultiplierPoint)> {
    let own = comparison.approach;
    comparison
        .approaches
        .iter()
        .filter(move |by| by.approach != own)
        .map(|by| (by.approach, &by.point))
}

fn marks(inputs: &Inputs<'_>, against: Against, x: &Axis) -> Vec<Mark> {
    let comparisons = &inputs.fits.comparisons;
    let mut marks = refused(comparisons, against, x);
    marks.push(Mark::line(
        vec![(x.low, 1.0), (x.high, 1.0)],
        Ink::BLACK.dashed(1.0),
    ));
    for comparison in comparisons {
        marks.extend(lines(
            comparison,
            against,
            palette::arm(inputs.fits, &comparison.variant).0,
        ));
    }
    let written = against == Against::Compute && comparisons.len() <= WRITTEN;
    for comparison in comparisons {
        let (ink, shape) = palette::arm(inputs.fits, &comparison.variant);
        let Ok(point) = &comparison.headline else {
            continue;
        };
        let at = against.of(point);
        marks.extend(
            others(comparison)
                .enumerate()
                .filter_map(|(place, (approach, point))| {
                    let at = (x.beside(at, BESIDE * (place as f64 + 1.3)), point.value?);
                    Some(Mark::point(at, other(approach, ink)))
                }),
        );
        marks.extend(headline(point, at, ink, shape));
        let text = multiplier(point)
            .filter(|_| written)
            .zip(point.high.or(point.value));
        let left = rises(comparison);
        marks.extend(text.map(|(text, top)| Mark::Above {
            at: (at, top),
            text,
            left,
            ink: Ink::BLACK,
        }));
    }
    marks
}

fn other(approach: Approach, ink: Ink) -> Marker {
    ink.point(palette::approach(approach), 3.4)
}

/// Where no comparison has a value, in grey.
fn refused(comparisons: &[Comparison], against: Against, axis: &Axis) -> Vec<Mark> {
    // With several variants the ranges differ; there the missing line says it.
    let [comparison] = comparisons else {
        return Vec::new();
    };
    let at = |point: &MultiplierPoint| against.of(point);
    let pairs = comparison
        .multiplier
        .windows(2)
        .filter(|pair| pair.iter().any(|p| p.value.is_none()));
    let (mut shades, mut last) = (Vec::new(), None);
    for pair in pairs {
        match last {
            Some((from, to)) if to == at(&pair[0]) => last = Some((from, at(&pair[1]))),
            _ => {
                shades.extend(last);
                last = Some((at(&pair[0]), at(&pair[1])));
            }
        }
    }
    shades.extend(last);
    // The margins of the axis lie beyond the list: they go with its ends.
    let first = comparison.multiplier.first().map(at);
    let last = comparison.multiplier.last().map(at);
    let shade = |(from, to)| Mark::Shade {
        from: if Some(from) == first { axis.low } else { from },
        to: if Some(to) == last { axis.high } else { to },
    };
    shades.into_iter().map(shade).collect()
}

fn lines(comparison: &Comparison, against: Against, ink: Ink) -> Vec<Mark> {
    let mut marks = Vec::new();
    let kinds = [
        (MultiplierStatus::Measured, ink.line(2.25)),
        (MultiplierStatus::Extrapolated, ink.dashed(1.5)),
    ];
    let band = |p: &MultiplierPoint| {
        Some((against.of(p), p.low?, p.high?)).filter(|(x, ..)| x.is_finite())
    };
    for (status, stroke) in kinds {
        // Stretches of one status: extrapolation lies on both sides of what was measured.
        for stretch in comparison.multiplier.chunk_by(|a, b| a.status == b.status) {
            if stretch[0].status != status {
                continue;
            }
            let alpha = if status == MultiplierStatus::Measured {
                0.2
            } else {
                0.08
            };
            marks.push(Mark::band(
                stretch.iter().filter_map(band).collect(),
                ink.faint(alpha),
            ));
            let points = stretch
                .iter()
                .filter_map(|p| Some((against.of(p), p.value?)))
                .collect();
            marks.push(Mark::line(points, stroke));
        }
    }
    marks
}

/// A line that rises leaves room for a text to the left of a point, one that falls to the right.
fn rises(comparison: &Comparison) -> bool {
    comparison
        .growth
        .is_some_and(|growth| growth.exponent > 0.0)
}

fn headline(point: &MultiplierPoint, x: f64, ink: Ink, shape: Shape) -> Vec<Mark> {
    let Some(value) = point.value else {
        return Vec::new();
    };
    let range = point.low.zip(point.high);
    let interval = range.map(|(low, high)| Mark::interval(x, (low, high), ink.line(1.5)));
    interval
        .into_iter()
        .chain([Mark::point((x, value), ink.point(shape, 6.0))])
        .collect()
}

fn legend(inputs: &Inputs<'_>) -> Vec<Entry> {
    let comparisons = &inputs.fits.comparisons;
    let grey = Ink::GREY;
    let mut entries = vec![Entry::new(
        format!("against {}", inputs.fits.settings.baseline),
        Key::Heading,
    )];
    entries.extend(comparisons.iter().filter(|c| c.headline.is_ok()).map(|c| {
        let (ink, shape) = palette::arm(inputs.fits, &c.variant);
        Entry::new(
            c.variant.clone(),
            Key::LinePoint(ink.line(2.25), ink.point(shape, 5.0)),
        )
    }));
    entries.push(Entry::heading("marks"));
    entries.push(Entry::new(
        "headline, 95%",
        Key::IntervalPoint(grey.line(1.5), grey.point(Shape::Circle, 5.0)),
    ));
    entries.push(Entry::new(
        "95% band",
        Key::Swatch(band_ink(inputs).faint(0.2)),
    ));
    entries.push(Entry::new("equal cost", Key::Line(Ink::BLACK.dashed(1.0))));
    let has = |status| {
        comparisons
            .iter()
            .any(|c| c.multiplier.iter().any(|p| p.status == status))
    };
    if has(MultiplierStatus::Extrapolated) {
        entries.push(Entry::new("extrapolated", Key::Line(grey.dashed(1.5))));
    }
    if has(MultiplierStatus::Refused) && comparisons.len() == 1 {
        entries.push(Entry::new("not measured in both", Key::Swatch(Ink::PALE)));
    }
    let drawn = |approach: &Approach| {
        comparisons
            .iter()
            .flat_map(others)
            .any(|(other, _)| other == *approach)
    };
    let drawn: Vec<Approach> = Approach::ALL.into_iter().filter(drawn).collect();
    if !drawn.is_empty() {
        entries.push(Entry::heading("by other approaches"));
        entries.extend(
            drawn
                .into_iter()
                .map(|by| Entry::new(by.name(), Key::Point(other(by, grey)))),
        );
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
