//! Figure of IsoFLOP profiles: loss against parameters, with one curve for each budget and one
//! panel for each arm.

use super::ReportInputs;
use super::axis::{Axis, count, plain, steps};
use super::figure::{Figure, Ink, LegendEntry, Marker, MarkerShape, Panel, PanelMark, group};
use super::page_figure::PageFigure;
use super::palette::{self, BudgetColours};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{ArmFit, Profile, Vertex, VertexStatus};

/// Pieces of a parabola.
const PIECES: u32 = 60;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "profiles",
    title: "IsoFLOP profiles",
    caption: "Runs of one colour spent the same compute. Parabolas are drawn over the measured sizes only. A diamond is an \
         optimum, and a hollow diamond an extrapolated one, which may be outside the panel. The panels share the loss \
         axis.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let arms = &inputs.fits.arms;
    let budgets = BudgetColours::of(inputs);
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

/// Losses that the axis must show: the runs, and the optima among them.
fn losses(profile: &Profile) -> impl Iterator<Item = f64> + '_ {
    let vertex = profile.usable_vertex().map(|v| v.loss_opt);
    profile.points.iter().map(|o| o.loss).chain(vertex)
}

fn marks(profile: &Profile, ink: Ink, shape: MarkerShape) -> Vec<PanelMark> {
    let vertex = profile.vertex.ok();
    let runs = profile.points.iter().map(|run| (run.params, run.loss));
    let runs = runs.map(|at| PanelMark::point(at, ink.point(shape, 3.5)));
    let diamond = |vertex: Vertex| {
        let marker = vertex_marker(vertex.status, ink);
        PanelMark::point((vertex.n_opt, vertex.loss_opt), marker)
    };
    let curve = vertex.map(|vertex| curve(profile, &vertex, ink));
    curve
        .into_iter()
        .chain(runs)
        .chain(vertex.map(diamond))
        .collect()
}

/// The parabola, over the measured sizes only. Outside them it is not valid.
fn curve(profile: &Profile, vertex: &Vertex, ink: Ink) -> PanelMark {
    let size = |run: Option<&isoflop_fit::Observation>| run.map_or(1.0, |run| run.params);
    let (first, last) = (size(profile.points.first()), size(profile.points.last()));
    let points = steps(first, last, PIECES).map(|size| (size, vertex.parabola.loss(size)));
    PanelMark::line(points, ink.line(1.5))
}

fn vertex_marker(status: VertexStatus, ink: Ink) -> Marker {
    let marker = ink.point(MarkerShape::Diamond, 6.0);
    marker.hollow_if(status == VertexStatus::Extrapolated)
}

fn legend(inputs: &ReportInputs<'_>, budgets: &BudgetColours) -> Vec<LegendEntry> {
    let arms = &inputs.fits.arms;
    let profiles = || arms.iter().flat_map(|arm| &arm.profiles);
    let drawn = |budget| profiles().any(|profile| profile.budget == budget);
    let run = |arm: &ArmFit| {
        let shape = palette::arm(inputs.fits, &arm.arm).1;
        LegendEntry::new(format!("run, {}", arm.arm), Ink::GREY.point(shape, 3.5))
    };
    let has = |of: fn(VertexStatus) -> bool| {
        profiles().any(|profile| profile.vertex.is_ok_and(|vertex| of(vertex.status)))
    };
    let diamond = |label, status| LegendEntry::new(label, vertex_marker(status, Ink::GREY));
    let found = [
        has(|_| true).then(|| LegendEntry::new("parabola", Ink::GREY.line(1.5))),
        has(|status| status != VertexStatus::Extrapolated)
            .then(|| diamond("optimum", VertexStatus::Interior)),
        has(|status| status == VertexStatus::Extrapolated)
            .then(|| diamond("extrapolated optimum", VertexStatus::Extrapolated)),
    ];
    let marks = arms.iter().map(run).chain(found.into_iter().flatten());
    let budgets = budgets.legend(drawn, |_, ink| ink.line(3.0));
    [budgets, group("marks", marks)].concat()
}
