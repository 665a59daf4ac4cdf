//! What is best at each compute: size, tokens, and tokens per parameter, with the fitted power law.

use super::axis::{Axis, count, plain, scientific, steps, with_ends};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape, group};
use super::page_figure::PageFigure;
use super::{Inputs, cost, palette};
use isoflop_fit::{ArmFit, Vertex};

/// Pieces that a law is drawn in: D* bends, because a token of a small model costs more than 6N.
const PIECES: u32 = 24;
const HEIGHT: u32 = 330;
/// Share of the axis between the markers of two arms at one compute.
const BESIDE: f64 = 0.016;

/// The title of an axis, and its labels.
type Kind = (&'static str, fn(f64) -> String);

/// The y axes of the panels.
const KINDS: [Kind; 3] = [
    ("N*, parameters", count),
    ("D*, tokens", count),
    ("D*/N*, tokens/parameter", plain),
];

/// A value and the ends of its interval.
type Ranged = (f64, Option<(f64, f64)>);

/// An optimum at one compute.
struct Optimum {
    flops: f64,
    /// N*, D* and D*/N*.
    values: [Ranged; 3],
}

/// An arm's optima, and points on its law: C with N*, D* and D*/N*.
struct Drawn<'a> {
    arm: &'a ArmFit,
    optima: Vec<Optimum>,
    law: Vec<(f64, [f64; 3])>,
}

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "optima",
    title: "Best size, tokens and tokens per parameter against compute",
    caption: "Markers are the optima of the profiles with their 95% intervals, lines the power law of N* over the compute it was \
         measured at; D* is what the compute pays for at N*.",
    draw,
};

fn draw(inputs: &Inputs<'_>) -> Option<Figure> {
    let drawn: Vec<Drawn<'_>> = inputs.fits.arms.iter().filter_map(drawn).collect();
    let middle = 0.5 * (drawn.len() as f64 - 1.0);
    let x = axis(inputs, &drawn, middle)?;
    let panel = |(of, (title, label)): (usize, Kind)| {
        let y = Axis::log(title, shown(&drawn, of), label)?;
        // Arms share their budgets: side by side their intervals can be read.
        let arm = |(place, drawn): (usize, &Drawn<'_>)| {
            let place = BESIDE * (place as f64 - middle);
            marks(inputs, drawn, of, |flops| x.beside(flops, place))
        };
        let marks = drawn.iter().enumerate().flat_map(arm).collect();
        Some(Panel::new("", &x, &y, marks))
    };
    let panels: Option<Vec<Panel>> = KINDS.into_iter().enumerate().map(panel).collect();
    Some(Figure::new(panels?, legend(inputs, &drawn)).high(HEIGHT))
}

/// The axis of compute, with room for those that stand beside theirs.
fn axis(inputs: &Inputs<'_>, drawn: &[Drawn<'_>], middle: f64) -> Option<Axis> {
    let title = cost::axis_title(inputs);
    let optima = drawn.iter().flat_map(|d| &d.optima).map(|o| o.flops);
    let laws = drawn.iter().flat_map(|d| &d.law).map(|(flops, _)| *flops);
    let narrow = Axis::log(&title, optima.chain(laws), scientific)?;
    if drawn.len() <= 2 {
        return Some(narrow);
    }
    let ends = [
        narrow.beside(narrow.low, -BESIDE * middle),
        narrow.beside(narrow.high, BESIDE * middle),
    ];
    Axis::log(&title, ends.into_iter(), scientific)
}

fn drawn(arm: &ArmFit) -> Option<Drawn<'_>> {
    let per_token = arm.flops_per_token()?;
    let tokens = |flops: f64, n: f64| flops / per_token(n);
    let values = |flops: f64, n: f64| [n, tokens(flops, n), tokens(flops, n) / n];
    let optimum = |(flops, vertex): (f64, Vertex)| {
        let interval = vertex.n_opt_interval;
        let ends = interval.map(|i| [values(flops, i.low), values(flops, i.high)]);
        // More parameters are fewer tokens: the ends change places.
        let range = |of: usize| ends.map(|[a, b]| (a[of].min(b[of]), a[of].max(b[of])));
        let best = values(flops, vertex.n_opt);
        Optimum {
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
    let trusted = profiles.filter_map(|profile| Some((profile.flops, profile.trusted()?)));
    let optima: Vec<Optimum> = trusted.map(optimum).collect();
    let law: Vec<_> = law.unwrap_or_default();
    (!optima.is_empty() || !law.is_empty()).then_some(Drawn { arm, optima, law })
}

/// What a panel must show.
fn shown(drawn: &[Drawn<'_>], of: usize) -> impl Iterator<Item = f64> {
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
    with_ends(
        optima().map(|(value, _)| value).chain(laws).collect(),
        ends.flat_map(|(low, high)| [low, high]),
    )
}

fn marks(
    inputs: &Inputs<'_>,
    drawn: &Drawn<'_>,
    of: usize,
    place: impl Fn(f64) -> f64,
) -> Vec<Mark> {
    let (ink, shape) = palette::arm(inputs.fits, &drawn.arm.arm);
    let law = drawn.law.iter().map(|(flops, values)| (*flops, values[of]));
    let mut marks = vec![Mark::line(law, ink.line(1.75))];
    for optimum in &drawn.optima {
        let ((value, range), x) = (optimum.values[of], place(optimum.flops));
        marks.extend(range.map(|ends| Mark::interval(x, ends, ink.line(1.25))));
        marks.push(Mark::point((x, value), ink.point(shape, 4.5)));
    }
    marks
}

fn legend(inputs: &Inputs<'_>, drawn: &[Drawn<'_>]) -> Vec<Entry> {
    let grey = Ink::GREY;
    let names = drawn.iter().map(|d| d.arm.arm.as_str());
    let optimum = Key::IntervalPoint(grey.line(1.25), grey.point(Shape::Circle, 4.5));
    let marks = [
        (drawn.iter().any(|d| !d.optima.is_empty())).then(|| Entry::new("optimum, 95%", optimum)),
        (drawn.iter().any(|d| !d.law.is_empty()))
            .then(|| Entry::new("fitted law", grey.line(1.75))),
    ];
    [
        palette::legend(inputs.fits, "architecture", names, palette::line_and_point),
        group("marks", marks.into_iter().flatten()),
    ]
    .concat()
}
