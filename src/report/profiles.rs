//! IsoFLOP profiles: loss against parameters, one curve a budget, one panel an arm.

use super::Inputs;
use super::axis::{Axis, count, plain, steps};
use super::figure::{Entry, Figure, Ink, Mark, Marker, Panel, Shape, group};
use super::page_figure::PageFigure;
use super::palette::{self, Budgets};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{ArmFit, Profile, Vertex, VertexStatus};

/// Pieces that a parabola is drawn in.
const PIECES: u32 = 60;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "profiles",
    title: "IsoFLOP profiles",
    caption: "Runs of one colour spent the same compute. The parabolas are drawn over the measured sizes; a diamond is an \
         optimum, hollow where it is extrapolated and still in sight. The panels share the loss axis.",
    draw,
};

fn draw(inputs: &Inputs<'_>) -> Option<Figure> {
    let arms = &inputs.fits.arms;
    let budgets = Budgets::of(inputs);
    let profiles = || arms.iter().flat_map(|arm| &arm.profiles);
    let sizes = profiles().flat_map(|profile| profile.points.iter().map(|run| run.params));
    let x = Axis::log("N, parameters", sizes, count)?;
    let y = Axis::linear(&LOSS_VAL.title(), profiles().flat_map(losses), plain)?;
    let panel = |arm: &ArmFit| {
        let shape = palette::arm(inputs.fits, &arm.arm).1;
        let profiles = arm.profiles.iter();
        let marks = profiles.flat_map(|profile| marks(profile, budgets.ink(profile.budget), shape));
        Panel::new(&arm.arm, &x, &y, marks.collect())
    };
    let panels = arms.iter().map(panel).collect();
    Some(Figure::new(panels, legend(inputs, &budgets)))
}

/// What must be seen: the runs, and the vertices between them.
fn losses(profile: &Profile) -> impl Iterator<Item = f64> + '_ {
    let vertex = profile.trusted().map(|v| v.loss_opt);
    profile.points.iter().map(|o| o.loss).chain(vertex)
}

fn marks(profile: &Profile, ink: Ink, shape: Shape) -> Vec<Mark> {
    let vertex = profile.vertex.ok();
    let runs = profile.points.iter().map(|run| (run.params, run.loss));
    let runs = runs.map(|at| Mark::point(at, ink.point(shape, 3.5)));
    let diamond = |vertex: Vertex| {
        let marker = vertex_marker(vertex.status, ink);
        Mark::point((vertex.n_opt, vertex.loss_opt), marker)
    };
    let curve = vertex.map(|vertex| curve(profile, &vertex, ink));
    curve
        .into_iter()
        .chain(runs)
        .chain(vertex.map(diamond))
        .collect()
}

/// Only over the measured sizes: beyond them a parabola says nothing.
fn curve(profile: &Profile, vertex: &Vertex, ink: Ink) -> Mark {
    let size = |run: Option<&isoflop_fit::Observation>| run.map_or(1.0, |run| run.params);
    let (first, last) = (size(profile.points.first()), size(profile.points.last()));
    let points = steps(first, last, PIECES).map(|size| (size, vertex.parabola.loss(size)));
    Mark::line(points, ink.line(1.5))
}

fn vertex_marker(status: VertexStatus, ink: Ink) -> Marker {
    let marker = ink.point(Shape::Diamond, 6.0);
    marker.hollow_if(status == VertexStatus::Extrapolated)
}

fn legend(inputs: &Inputs<'_>, budgets: &Budgets) -> Vec<Entry> {
    let arms = &inputs.fits.arms;
    let profiles = || arms.iter().flat_map(|arm| &arm.profiles);
    let drawn = |budget| profiles().any(|profile| profile.budget == budget);
    let run = |arm: &ArmFit| {
        let shape = palette::arm(inputs.fits, &arm.arm).1;
        Entry::new(format!("run, {}", arm.arm), Ink::GREY.point(shape, 3.5))
    };
    let has = |of: fn(VertexStatus) -> bool| {
        profiles().any(|profile| profile.vertex.is_ok_and(|vertex| of(vertex.status)))
    };
    let diamond = |label, status| Entry::new(label, vertex_marker(status, Ink::GREY));
    let found = [
        has(|_| true).then(|| Entry::new("parabola", Ink::GREY.line(1.5))),
        has(|status| status != VertexStatus::Extrapolated)
            .then(|| diamond("optimum", VertexStatus::Interior)),
        has(|status| status == VertexStatus::Extrapolated)
            .then(|| diamond("extrapolated", VertexStatus::Extrapolated)),
    ];
    let marks = arms.iter().map(run).chain(found.into_iter().flatten());
    let budgets = budgets.legend(drawn, |_, ink| ink.line(3.0));
    [budgets, group("marks", marks)].concat()
}
