//! Figure of the best size, tokens, and tokens per parameter at each compute, with the fitted power
//! law.

use super::axis::{Axis, count, plain, scientific, steps, with_interval_ends};
use super::figure::{Figure, Ink, LegendEntry, LegendKey, MarkerShape, Panel, PanelMark, group};
use super::page_figure::PageFigure;
use super::{ReportInputs, cost, palette};
use isoflop_fit::{ArmFit, Vertex};

/// Pieces of a law. D* bends, because a token of a small model costs more than 6N.
const PIECES: u32 = 24;
const HEIGHT: u32 = 330;
/// Distance between the markers of two arms at one compute, as a share of the axis.
const BESIDE: f64 = 0.016;

/// The title of an axis, and its labels.
type PanelAxis = (&'static str, fn(f64) -> String);

/// The y axes of the panels.
const KINDS: [PanelAxis; 3] = [
    ("N*, parameters", count),
    ("D*, tokens", count),
    ("D*/N*, tokens/param", plain),
];

/// A value and the ends of its interval.
type ValueWithInterval = (f64, Option<(f64, f64)>);

/// An optimum at one compute.
struct ArmOptimum {
    flops: f64,
    /// N*, D* and D*/N*.
    values: [ValueWithInterval; 3],
}

/// An arm's optima, and points on its law: C with N*, D* and D*/N*.
struct OptimaCurve<'a> {
    arm: &'a ArmFit,
    optima: Vec<ArmOptimum>,
    law: Vec<(f64, [f64; 3])>,
}

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "optima",
    title: "Best size, tokens and tokens per parameter against compute",
    caption: "Markers are the optima of the profiles with their 95% intervals, and lines the power law of N* over the measured \
         compute. D* is the number of tokens that the compute buys at N*.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let drawn: Vec<OptimaCurve<'_>> = inputs.fits.arms.iter().filter_map(drawn).collect();
    let middle = 0.5 * (drawn.len() as f64 - 1.0);
    let x = axis(inputs, &drawn, middle)?;
    let panel = |(of, (title, label)): (usize, PanelAxis)| {
        let y = Axis::log(title, shown(&drawn, of), label)?;
        // Arms share their budgets. An offset makes their intervals readable.
        let arm = |(place, drawn): (usize, &OptimaCurve<'_>)| {
            let place = BESIDE * (place as f64 - middle);
            marks(inputs, drawn, of, |flops| x.offset(flops, place))
        };
        let marks = drawn.iter().enumerate().flat_map(arm).collect();
        Some(Panel::new("", &x, &y, marks))
    };
    let panels: Option<Vec<Panel>> = KINDS.into_iter().enumerate().map(panel).collect();
    Some(Figure::new(panels?, legend(inputs, &drawn)).with_height(HEIGHT))
}

/// The axis of compute, with space for markers that are offset from theirs.
fn axis(inputs: &ReportInputs<'_>, drawn: &[OptimaCurve<'_>], middle: f64) -> Option<Axis> {
    let title = cost::axis_title(inputs);
    let optima = drawn.iter().flat_map(|d| &d.optima).map(|o| o.flops);
    let laws = drawn.iter().flat_map(|d| &d.law).map(|(flops, _)| *flops);
    let narrow = Axis::log(&title, optima.chain(laws), scientific)?;
    if drawn.len() <= 2 {
        return Some(narrow);
    }
    let ends = [
        narrow.offset(narrow.low, -BESIDE * middle),
        narrow.offset(narrow.high, BESIDE * middle),
    ];
    Axis::log(&title, ends.into_iter(), scientific)
}

fn drawn(arm: &ArmFit) -> Option<OptimaCurve<'_>> {
    let per_token = arm.flops_per_token()?;
    let tokens = |flops: f64, n: f64| flops / per_token(n);
    let values = |flops: f64, n: f64| [n, tokens(flops, n), tokens(flops, n) / n];
    let optimum = |(flops, vertex): (f64, Vertex)| {
        let interval = vertex.n_opt_interval;
        let ends = interval.map(|i| [values(flops, i.low), values(flops, i.high)]);
        // More parameters leave fewer tokens, so the ends can be in reverse order.
        let range = |of: usize| ends.map(|[a, b]| (a[of].min(b[of]), a[of].max(b[of])));
        let best = values(flops, vertex.n_opt);
        ArmOptimum {
            flops,
            values: [0, 1, 2].map(|of| (best[of], range(of))),
        }
    };
    let law = arm.frontier.as_ref().ok().map(|frontier| {
        let (first, last) = frontier.flops_range;
        let point = |flops: f64| (flops, values(flops, frontier.size(flops)));
        steps(first, last, PIECES).map(point).collect()
    });
    let profiles = arm.profiles.iter();
    let trusted = profiles.filter_map(|profile| Some((profile.flops, profile.usable_vertex()?)));
    let optima: Vec<ArmOptimum> = trusted.map(optimum).collect();
    let law: Vec<_> = law.unwrap_or_default();
    (!optima.is_empty() || !law.is_empty()).then_some(OptimaCurve { arm, optima, law })
}

/// Values that a panel must show.
fn shown(drawn: &[OptimaCurve<'_>], of: usize) -> impl Iterator<Item = f64> {
    let optima = || {
        drawn
            .iter()
            .flat_map(|d| &d.optima)
            .map(move |o| o.values[of])
    };
    let laws = drawn
        .iter()
        .flat_map(|d| &d.law)
        .map(|(_, values)| values[of]);
    let ends = optima().filter_map(|(_, range)| range);
    with_interval_ends(
        optima().map(|(value, _)| value).chain(laws).collect(),
        ends.flat_map(|(low, high)| [low, high]),
    )
}

fn marks(
    inputs: &ReportInputs<'_>,
    drawn: &OptimaCurve<'_>,
    of: usize,
    place: impl Fn(f64) -> f64,
) -> Vec<PanelMark> {
    let (ink, shape) = palette::arm(inputs.fits, &drawn.arm.arm);
    let law = drawn.law.iter().map(|(flops, values)| (*flops, values[of]));
    let mut marks = vec![PanelMark::line(law, ink.line(1.75))];
    for optimum in &drawn.optima {
        let ((value, range), x) = (optimum.values[of], place(optimum.flops));
        marks.extend(range.map(|ends| PanelMark::interval(x, ends, ink.line(1.25))));
        marks.push(PanelMark::point((x, value), ink.point(shape, 4.5)));
    }
    marks
}

fn legend(inputs: &ReportInputs<'_>, drawn: &[OptimaCurve<'_>]) -> Vec<LegendEntry> {
    let grey = Ink::GREY;
    let names = drawn.iter().map(|d| d.arm.arm.as_str());
    let optimum = LegendKey::IntervalPoint(grey.line(1.25), grey.point(MarkerShape::Circle, 4.5));
    let marks = [
        (drawn.iter().any(|d| !d.optima.is_empty()))
            .then(|| LegendEntry::new("optimum, 95% interval", optimum)),
        (drawn.iter().any(|d| !d.law.is_empty()))
            .then(|| LegendEntry::new("fitted law", grey.line(1.75))),
    ];
    [
        palette::legend(inputs.fits, "arm", names, palette::line_and_point),
        group("marks", marks.into_iter().flatten()),
    ]
    .concat()
}
