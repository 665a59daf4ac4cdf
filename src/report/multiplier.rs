//! Figure of the compute multiplier against the baseline's compute and against the loss, with its
//! 95% band.

use super::axis::{Axis, plain, scientific, with_interval_ends};
use super::figure::{
    Figure, Ink, LegendEntry, LegendKey, Marker, MarkerShape, Panel, PanelMark, group,
};
use super::format::multiplier;
use super::page_figure::PageFigure;
use super::{ReportInputs, palette};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{Approach, Comparison, MultiplierPoint, MultiplierStatus};

/// Distance between the headline and the markers of other approaches, and between these, as a share
/// of the axis.
const BESIDE: f64 = 0.035;
/// Largest number of comparisons with the headline as text. More texts would overlap, and the table
/// has them.
const MAX_TEXTS: usize = 2;

/// Quantity on the x axis of a panel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MultiplierAxis {
    Compute,
    Loss,
}

impl MultiplierAxis {
    fn of(self, point: &MultiplierPoint) -> f64 {
        match self {
            Self::Compute => point.flops,
            Self::Loss => point.loss,
        }
    }

    /// The axis, with more compute, or a lower loss, to the right.
    fn axis(self, inputs: &ReportInputs<'_>) -> Option<Axis> {
        let values = points(&inputs.fits.comparisons).map(|point| self.of(point));
        match self {
            Self::Compute => {
                let unit = inputs.fits.settings.cost.unit();
                let title = format!("C of the baseline, training {unit}");
                Axis::log(&title, values, scientific)
            }
            Self::Loss => Axis::log(
                &LOSS_VAL.title_for("loss that both arms reach"),
                values,
                plain,
            )
            .map(Axis::reversed),
        }
    }
}

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "multiplier",
    title: "Compute multiplier against the compute of the baseline, and against the loss",
    caption: "Above 1 the variant needs less compute for the same loss. The band is the 95% interval at each compute. The small \
         markers to the right of the headline are the multipliers by other approaches at the headline's compute.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let comparisons = &inputs.fits.comparisons;
    let values = || points(comparisons).filter_map(|point| point.value);
    values().next()?;
    let others = comparisons.iter().flat_map(others);
    let bands = points(comparisons).flat_map(|point| [point.low, point.high]);
    let ends = bands.chain(others.map(|(_, point)| point.value)).flatten();
    let y = Axis::log(
        "compute multiplier at equal loss, C baseline / C variant",
        with_interval_ends(values().chain([1.0]).collect(), ends),
        plain,
    )?;
    let panel = |against: MultiplierAxis| {
        let x = against.axis(inputs)?;
        Some(Panel::new("", &x, &y, marks(inputs, against, &x)))
    };
    let against = [MultiplierAxis::Compute, MultiplierAxis::Loss];
    let panels = against.into_iter().filter_map(panel).collect();
    Some(Figure::new(panels, legend(inputs)))
}

fn points(comparisons: &[Comparison]) -> impl Iterator<Item = &MultiplierPoint> {
    comparisons
        .iter()
        .flat_map(|c| c.multiplier.iter().chain(c.headline.as_ref().ok()))
}

/// Multipliers by the other approaches at the headline's compute.
fn others(comparison: &Comparison) -> impl Iterator<Item = (Approach, &MultiplierPoint)> {
    let own = comparison.approach;
    comparison
        .approaches
        .iter()
        .filter(move |by| by.approach != own)
        .map(|by| (by.approach, &by.point))
}

fn marks(inputs: &ReportInputs<'_>, against: MultiplierAxis, x: &Axis) -> Vec<PanelMark> {
    let comparisons = &inputs.fits.comparisons;
    let equal = PanelMark::line([(x.low, 1.0), (x.high, 1.0)], Ink::BLACK.dashed(1.0));
    let lines = comparisons.iter().flat_map(|comparison| {
        let ink = palette::arm(inputs.fits, &comparison.variant).0;
        lines(comparison, against, ink)
    });
    let headlines = comparisons
        .iter()
        .flat_map(|comparison| headline(inputs, comparison, against, x));
    refused_ranges(comparisons, against, x)
        .into_iter()
        .chain([equal])
        .chain(lines)
        .chain(headlines)
        .collect()
}

/// The headline of a comparison with its interval and its text, and markers of the other
/// approaches.
fn headline(
    inputs: &ReportInputs<'_>,
    comparison: &Comparison,
    against: MultiplierAxis,
    x: &Axis,
) -> Vec<PanelMark> {
    let (ink, shape) = palette::arm(inputs.fits, &comparison.variant);
    let Ok(point) = &comparison.headline else {
        return Vec::new();
    };
    let at = against.of(point);
    let beside = |(place, (approach, point)): (usize, (Approach, &MultiplierPoint))| {
        let at = (x.offset(at, BESIDE * (place as f64 + 1.3)), point.value?);
        Some(PanelMark::point(at, other(approach, ink)))
    };
    let mut marks: Vec<PanelMark> = others(comparison).enumerate().filter_map(beside).collect();
    let Some(value) = point.value else {
        return marks;
    };
    let range = point.low.zip(point.high);
    marks.extend(range.map(|ends| PanelMark::interval(at, ends, ink.line(1.5))));
    marks.push(PanelMark::point((at, value), ink.point(shape, 6.0)));
    let written = against == MultiplierAxis::Compute && inputs.fits.comparisons.len() <= MAX_TEXTS;
    let text = multiplier(point).filter(|_| written);
    marks.extend(text.map(|text| PanelMark::TextAbove {
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

/// Ranges without a value, in grey.
fn refused_ranges(
    comparisons: &[Comparison],
    against: MultiplierAxis,
    axis: &Axis,
) -> Vec<PanelMark> {
    // The ranges of several variants differ. There the missing line is enough.
    let [comparison] = comparisons else {
        return Vec::new();
    };
    let list = &comparison.multiplier;
    let is_refused = |pair: &[MultiplierPoint]| pair.iter().any(|point| point.value.is_none());
    let pairs: Vec<&[MultiplierPoint]> = list.windows(2).collect();
    let stretches = pairs.chunk_by(|a, b| is_refused(a) == is_refused(b));
    // The margins of the axis are outside the list, and belong to its ends.
    let ends = [list.first(), list.last()].map(|end| end.map(|point| against.of(point)));
    let shade = |stretch: &[&[MultiplierPoint]]| {
        let from = against.of(&stretch[0][0]);
        let to = against.of(&stretch[stretch.len() - 1][1]);
        PanelMark::Shade {
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

fn lines(comparison: &Comparison, against: MultiplierAxis, ink: Ink) -> Vec<PanelMark> {
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
        // Each stretch has one status. Extrapolation can be on both sides of the measured range.
        let list = &comparison.multiplier;
        let stretches = list.chunk_by(|a, b| a.status == b.status);
        for stretch in stretches.filter(|stretch| stretch[0].status == status) {
            let ends = stretch.iter().filter_map(band).collect();
            marks.push(PanelMark::band(ends, ink.with_alpha(alpha)));
            marks.push(PanelMark::line(stretch.iter().filter_map(point), stroke));
        }
    }
    marks
}

/// Reports whether the line rises. Then there is space for text to the left of a point, otherwise
/// to the right.
fn rises(comparison: &Comparison) -> bool {
    comparison
        .growth
        .is_some_and(|growth| growth.exponent > 0.0)
}

fn legend(inputs: &ReportInputs<'_>) -> Vec<LegendEntry> {
    let (comparisons, grey) = (&inputs.fits.comparisons, Ink::GREY);
    let heading = format!("against {}", inputs.fits.settings.baseline);
    let compared = comparisons.iter().filter(|c| c.headline.is_ok());
    let variants = compared.map(|c| c.variant.as_str());
    let all = || comparisons.iter().flat_map(|c| &c.multiplier);
    let has = |status| all().any(|point| point.status == status);
    let headline = LegendKey::IntervalPoint(grey.line(1.5), grey.point(MarkerShape::Circle, 5.0));
    let band = LegendKey::Swatch(band_ink(inputs).with_alpha(0.2));
    let marks = [
        Some(LegendEntry::new("headline, 95% interval", headline)),
        Some(LegendEntry::new("95% band", band)),
        Some(LegendEntry::new("equal cost", Ink::BLACK.dashed(1.0))),
        has(MultiplierStatus::Extrapolated)
            .then(|| LegendEntry::new("extrapolated", grey.dashed(1.5))),
        (has(MultiplierStatus::Refused) && comparisons.len() == 1)
            .then(|| LegendEntry::new("not measured in both arms", LegendKey::Swatch(Ink::PALE))),
    ];
    let has_other = |by: &Approach| comparisons.iter().flat_map(others).any(|(of, _)| of == *by);
    let drawn = Approach::ALL.into_iter().filter(has_other);
    let approaches: Vec<LegendEntry> = drawn
        .map(|by| LegendEntry::new(by.name(), other(by, grey)))
        .collect();
    let mut entries = palette::legend(inputs.fits, heading, variants, palette::line_and_point);
    entries.extend(group("marks", marks.into_iter().flatten()));
    if !approaches.is_empty() {
        entries.extend(group("other approaches", approaches));
    }
    entries
}

/// The colour of the only variant, or grey for several.
fn band_ink(inputs: &ReportInputs<'_>) -> Ink {
    match inputs.fits.comparisons.as_slice() {
        [only] => palette::arm(inputs.fits, &only.variant).0,
        _ => Ink::GREY,
    }
}
