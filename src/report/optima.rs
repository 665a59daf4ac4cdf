//! What is best at each compute: size, tokens, and tokens per parameter, with the fitted power law.

use super::axis::{Axis, count, plain, scientific};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape};
use super::palette;
use super::{Inputs, cost};
use isoflop_fit::{ArmFit, Vertex};

/// Pieces that a law is drawn in: D* bends, because a token of a small model costs more than 6N.
const PIECES: u32 = 24;
/// An interval may reach this factor beyond the optima; a wider one would flatten the law.
const WIDEST: f64 = 4.0;
const HEIGHT: u32 = 330;
/// Share of the axis between the markers of two arms at one compute.
const BESIDE: f64 = 0.016;

/// A value and the ends of its interval.
type Ranged = (f64, Option<(f64, f64)>);

/// The title of an axis, and its labels.
type Kind = (&'static str, fn(f64) -> String);

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

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let drawn: Vec<Drawn<'_>> = inputs.fits.arms.iter().filter_map(drawn).collect();
    let flops = drawn.iter().flat_map(|d| {
        d.optima
            .iter()
            .map(|o| o.flops)
            .chain(d.law.iter().map(|(c, _)| *c))
    });
    let flops: Vec<f64> = flops.collect();
    let axis = |values: &[f64]| {
        Axis::log(
            &cost::axis_title(inputs),
            values.iter().copied(),
            scientific,
        )
    };
    let narrow = axis(&flops)?;
    let middle = 0.5 * (drawn.len() as f64 - 1.0);
    // Room for those that stand beside their compute.
    let ends = [
        narrow.beside(narrow.low, -BESIDE * middle),
        narrow.beside(narrow.high, BESIDE * middle),
    ];
    let x = if drawn.len() > 2 {
        axis(&ends)?
    } else {
        narrow
    };
    let kinds: [Kind; 3] = [
        ("N*, parameters", count),
        ("D*, tokens", count),
        ("D*/N*, tokens/parameter", plain),
    ];
    let panel = |(of, (title, label)): (usize, Kind)| {
        let y = Axis::log(title, shown(&drawn, of).into_iter(), label)?;
        // Arms share their budgets: side by side their intervals can be read.
        let arm = |(place, d): (usize, &Drawn<'_>)| {
            marks(d, of, palette::arm(inputs.fits, &d.arm.arm), |flops| {
                x.beside(flops, BESIDE * (place as f64 - middle))
            })
        };
        let marks = drawn.iter().enumerate().flat_map(arm).collect();
        Some(Panel::untitled(x.clone(), y, marks))
    };
    let panels: Vec<Panel> = kinds
        .into_iter()
        .enumerate()
        .map(panel)
        .collect::<Option<_>>()?;
    Some(Figure::new("optima", panels, legend(inputs, &drawn)).high(HEIGHT))
}

fn drawn(arm: &ArmFit) -> Option<Drawn<'_>> {
    let per_token = arm.flops_per_token()?;
    let tokens = |flops: f64, n: f64| flops / per_token(n);
    let values = |flops: f64, n: f64| [n, tokens(flops, n), tokens(flops, n) / n];
    let optimum = |(flops, vertex): (f64, Vertex)| {
        let ends = vertex
            .n_opt_interval
            .map(|i| [values(flops, i.low), values(flops, i.high)]);
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
        let at = |i: u32| first * (last / first).powf(f64::from(i) / f64::from(PIECES));
        (0..=PIECES)
            .map(|i| (at(i), values(at(i), frontier.size(at(i)))))
            .collect::<Vec<_>>()
    });
    let optima: Vec<Optimum> = vertices(arm).map(optimum).collect();
    let law = law.unwrap_or_default();
    (!optima.is_empty() || !law.is_empty()).then_some(Drawn { arm, optima, law })
}

/// The optima that can be trusted, and their compute.
fn vertices(arm: &ArmFit) -> impl Iterator<Item = (f64, Vertex)> + '_ {
    arm.profiles
        .iter()
        .filter_map(|profile| Some((profile.flops, profile.trusted()?)))
}

/// What a panel must show.
fn shown(drawn: &[Drawn<'_>], of: usize) -> Vec<f64> {
    let optima = || drawn.iter().flat_map(|d| &d.optima);
    let laws = drawn
        .iter()
        .flat_map(|d| d.law.iter().map(|(_, values)| values[of]));
    let values: Vec<f64> = optima().map(|o| o.values[of].0).chain(laws).collect();
    let (least, most) = values
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(*v), h.max(*v)));
    let ends = optima()
        .filter_map(|o| o.values[of].1)
        .flat_map(|(low, high)| [low, high]);
    ends.map(|v| v.clamp(least / WIDEST, most * WIDEST))
        .chain(values.iter().copied())
        .collect()
}

fn marks(
    drawn: &Drawn<'_>,
    of: usize,
    (ink, shape): (Ink, Shape),
    place: impl Fn(f64) -> f64,
) -> Vec<Mark> {
    let law = drawn
        .law
        .iter()
        .map(|(flops, values)| (*flops, values[of]))
        .collect();
    let mut marks = vec![Mark::line(law, ink.line(1.75))];
    for optimum in &drawn.optima {
        let (value, range) = optimum.values[of];
        let x = place(optimum.flops);
        marks.extend(range.map(|(low, high)| Mark::interval(x, (low, high), ink.line(1.25))));
        marks.push(Mark::point((x, value), ink.point(shape, 4.5)));
    }
    marks
}

fn legend(inputs: &Inputs<'_>, drawn: &[Drawn<'_>]) -> Vec<Entry> {
    let grey = Ink::GREY;
    let mut entries = palette::legend(inputs, drawn.iter().map(|d| d.arm.arm.as_str()));
    entries.push(Entry::heading("marks"));
    if drawn.iter().any(|d| !d.optima.is_empty()) {
        entries.push(Entry::new(
            "optimum, 95%",
            Key::IntervalPoint(grey.line(1.25), grey.point(Shape::Circle, 4.5)),
        ));
    }
    if drawn.iter().any(|d| !d.law.is_empty()) {
        entries.push(Entry::new("fitted law", Key::Line(grey.line(1.75))));
    }
    entries
}
