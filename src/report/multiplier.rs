//! The compute multiplier against the baseline's compute and against the loss, with its 95% band.

use super::axis::{Axis, plain, scientific, with_ends};
use super::figure::{Entry, Figure, Ink, Key, Mark, Marker, Panel, Shape, group};
use super::page_figure::PageFigure;
use super::words::multiplier;
use super::{Inputs, palette};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{Approach, Comparison, MultiplierPoint, MultiplierStatus};

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
                let unit = inputs.fits.settings.cost.unit();
                let title = format!("C of the baseline, training {unit}");
                Axis::log(&title, values, scientific)
            }
            Self::Loss => Axis::log(&LOSS_VAL.titled("loss that both reach"), values, plain)
                .map(Axis::reversed),
        }
    }
}

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "multiplier",
    title: "Compute multiplier against the compute of the baseline, and against the loss",
    caption: "Above 1 the variant needs less compute for the same loss. The band is the 95% interval at each compute. The small \
         markers right of the headline are what other approaches say at its compute.",
    draw,
};

fn draw(inputs: &Inputs<'_>) -> Option<Figure> {
    let comparisons = &inputs.fits.comparisons;
    let values = || points(comparisons).filter_map(|point| point.value);
    values().next()?;
    let others = comparisons.iter().flat_map(others);
    let bands = points(comparisons).flat_map(|point| [point.low, point.high]);
    let ends = bands.chain(others.map(|(_, point)| point.value)).flatten();
    let y = Axis::log(
        "compute multiplier at equal loss, C baseline / C variant",
        with_ends(values().chain([1.0]).collect(), ends),
        plain,
    )?;
    let panel = |against: Against| {
        let x = against.axis(inputs)?;
        Some(Panel::new("", &x, &y, marks(inputs, against, &x)))
    };
    let against = [Against::Compute, Against::Loss];
    let panels = against.into_iter().filter_map(panel).collect();
    Some(Figure::new(panels, legend(inputs)))
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
    let equal = Mark::line([(x.low, 1.0), (x.high, 1.0)], Ink::BLACK.dashed(1.0));
    let lines = comparisons.iter().flat_map(|comparison| {
        let ink = palette::arm(inputs.fits, &comparison.variant).0;
        lines(comparison, against, ink)
    });
    let headlines = comparisons
        .iter()
        .flat_map(|comparison| headline(inputs, comparison, against, x));
    refused(comparisons, against, x)
        .into_iter()
        .chain([equal])
        .chain(lines)
        .chain(headlines)
        .collect()
}

/// The headline of a comparison with its interval and its text, and what other approaches say beside it.
fn headline(inputs: &Inputs<'_>, comparison: &Comparison, against: Against, x: &Axis) -> Vec<Mark> {
    let (ink, shape) = palette::arm(inputs.fits, &comparison.variant);
    let Ok(point) = &comparison.headline else {
        return Vec::new();
    };
    let at = against.of(point);
    let beside = |(place, (approach, point)): (usize, (Approach, &MultiplierPoint))| {
        let at = (x.beside(at, BESIDE * (place as f64 + 1.3)), point.value?);
        Some(Mark::point(at, other(approach, ink)))
    };
    let mut marks: Vec<Mark> = others(comparison).enumerate().filter_map(beside).collect();
    let Some(value) = point.value else {
        return marks;
    };
    let range = point.low.zip(point.high);
    marks.extend(range.map(|ends| Mark::interval(at, ends, ink.line(1.5))));
    marks.push(Mark::point((at, value), ink.point(shape, 6.0)));
    let written = against == Against::Compute && inputs.fits.comparisons.len() <= WRITTEN;
    let text = multiplier(point).filter(|_| written);
    marks.extend(text.map(|text| Mark::Above {
        at: (at, point.high.unwrap_or(value)),
        text,
        left: rises(comparison),
        ink: Ink::BLACK,
    }));
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
    let list = &comparison.multiplier;
    let is_refused = |pair: &[MultiplierPoint]| pair.iter().any(|point| point.value.is_none());
    let pairs: Vec<&[MultiplierPoint]> = list.windows(2).collect();
    let stretches = pairs.chunk_by(|a, b| is_refused(a) == is_refused(b));
    // The margins of the axis lie beyond the list: they go with its ends.
    let ends = [list.first(), list.last()].map(|end| end.map(|point| against.of(point)));
    let shade = |stretch: &[&[MultiplierPoint]]| {
        let from = against.of(&stretch[0][0]);
        let to = against.of(&stretch[stretch.len() - 1][1]);
        Mark::Shade {
            from: if Some(from) == ends[0] {
                axis.low
            } else {
                from
            },
            to: if Some(to) == ends[1] { axis.high } else { to },
        }
    };
    stretches
        .filter(|stretch| is_refused(stretch[0]))
        .map(shade)
        .collect()
}

fn lines(comparison: &Comparison, against: Against, ink: Ink) -> Vec<Mark> {
    let mut marks = Vec::new();
    let kinds = [
        (MultiplierStatus::Measured, ink.line(2.25), 0.2),
        (MultiplierStatus::Extrapolated, ink.dashed(1.5), 0.08),
    ];
    let band = |p: &MultiplierPoint| {
        Some((against.of(p), p.low?, p.high?)).filter(|(x, ..)| x.is_finite())
    };
    let point = |p: &MultiplierPoint| Some((against.of(p), p.value?));
    for (status, stroke, alpha) in kinds {
        // Stretches of one status: extrapolation lies on both sides of what was measured.
        let list = &comparison.multiplier;
        let stretches = list.chunk_by(|a, b| a.status == b.status);
        for stretch in stretches.filter(|stretch| stretch[0].status == status) {
            let ends = stretch.iter().filter_map(band).collect();
            marks.push(Mark::band(ends, ink.faint(alpha)));
            marks.push(Mark::line(stretch.iter().filter_map(point), stroke));
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

fn legend(inputs: &Inputs<'_>) -> Vec<Entry> {
    let (comparisons, grey) = (&inputs.fits.comparisons, Ink::GREY);
    let heading = format!("against {}", inputs.fits.settings.baseline);
    let compared = comparisons.iter().filter(|c| c.headline.is_ok());
    let variants = compared.map(|c| c.variant.as_str());
    let all = || comparisons.iter().flat_map(|c| &c.multiplier);
    let has = |status| all().any(|point| point.status == status);
    let headline = Key::IntervalPoint(grey.line(1.5), grey.point(Shape::Circle, 5.0));
    let band = Key::Swatch(band_ink(inputs).faint(0.2));
    let marks = [
        Some(Entry::new("headline, 95%", headline)),
        Some(Entry::new("95% band", band)),
        Some(Entry::new("equal cost", Ink::BLACK.dashed(1.0))),
        has(MultiplierStatus::Extrapolated).then(|| Entry::new("extrapolated", grey.dashed(1.5))),
        (has(MultiplierStatus::Refused) && comparisons.len() == 1)
            .then(|| Entry::new("not measured in both", Key::Swatch(Ink::PALE))),
    ];
    let has_other = |by: &Approach| comparisons.iter().flat_map(others).any(|(of, _)| of == *by);
    let drawn = Approach::ALL.into_iter().filter(has_other);
    let approaches: Vec<Entry> = drawn
        .map(|by| Entry::new(by.name(), other(by, grey)))
        .collect();
    let mut entries = palette::legend(inputs.fits, heading, variants, palette::line_and_point);
    entries.extend(group("marks", marks.into_iter().flatten()));
    if !approaches.is_empty() {
        entries.extend(group("by other approaches", approaches));
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
