//! IsoFLOP profiles: loss against parameters, one curve a budget, one panel an arm.

use super::Inputs;
use super::axis::{Axis, count, plain};
use super::figure::{Entry, Figure, Ink, Key, Mark, Marker, Panel, Shape};
use super::{palette, words};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::Budget;
use isoflop_fit::{ArmFit, Profile, Vertex, VertexStatus};

/// Pieces that a parabola is drawn in.
const PIECES: u32 = 60;

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let arms = &inputs.fits.arms;
    let budgets = palette::budgets(inputs);
    let losses = || {
        arms.iter()
            .flat_map(|arm| arm.profiles.iter().flat_map(losses))
    };
    let sizes = || {
        arms.iter().flat_map(|arm| {
            arm.profiles
                .iter()
                .flat_map(|p| p.points.iter().map(|o| o.params))
        })
    };
    let x = Axis::log("N, parameters", sizes(), count)?;
    let y = Axis::linear(&LOSS_VAL.title(), losses(), plain)?;
    let panel = |arm: &ArmFit| {
        Panel::new(
            arm.arm.clone(),
            x.clone(),
            y.clone(),
            marks(arm, &budgets, palette::arm(inputs.fits, &arm.arm).1),
        )
    };
    Some(Figure::new(
        "profiles",
        arms.iter().map(panel).collect(),
        legend(inputs, &budgets),
    ))
}

/// What must be seen: the runs, and the vertices between them.
fn losses(profile: &Profile) -> impl Iterator<Item = f64> + '_ {
    let vertex = profile.trusted().map(|v| v.loss_opt);
    profile.points.iter().map(|o| o.loss).chain(vertex)
}

fn marks(arm: &ArmFit, budgets: &[Budget], shape: Shape) -> Vec<Mark> {
    let of = |profile: &Profile| {
        let ink = palette::budget_among(budgets, profile.budget);
        let curve = profile
            .vertex
            .ok()
            .map(|vertex| curve(profile, &vertex, ink));
        let runs = profile
            .points
            .iter()
            .map(|o| Mark::point((o.params, o.loss), ink.point(shape, 3.5)))
            .collect::<Vec<_>>();
        let vertex = profile.vertex.ok().map(|vertex| {
            Mark::point(
                (vertex.n_opt, vertex.loss_opt),
                vertex_marker(vertex.status, ink),
            )
        });
        curve
            .into_iter()
            .chain(runs)
            .chain(vertex)
            .collect::<Vec<_>>()
    };
    arm.profiles.iter().flat_map(of).collect()
}

/// Only over the measured sizes: beyond them a parabola says nothing.
fn curve(profile: &Profile, vertex: &Vertex, ink: Ink) -> Mark {
    let ends = (profile.points.first(), profile.points.last());
    let (first, last) = (
        ends.0.map_or(1.0, |o| o.params),
        ends.1.map_or(1.0, |o| o.params),
    );
    let size = |i: u32| first * (last / first).powf(f64::from(i) / f64::from(PIECES));
    let points = (0..=PIECES)
        .map(|i| (size(i), vertex.parabola.loss(size(i))))
        .collect();
    Mark::line(points, ink.line(1.5))
}

fn vertex_marker(status: VertexStatus, ink: Ink) -> Marker {
    let marker = ink.point(Shape::Diamond, 6.0);
    if status == VertexStatus::Extrapolated {
        marker.hollow()
    } else {
        marker
    }
}

fn legend(inputs: &Inputs<'_>, budgets: &[Budget]) -> Vec<Entry> {
    let mut entries = vec![Entry::heading("budget, FLOPs")];
    let of = |budget: &Budget| {
        Entry::new(
            words::budget(*budget),
            Key::Line(palette::budget_among(budgets, *budget).line(3.0)),
        )
    };
    let drawn = |budget: &&Budget| {
        inputs
            .fits
            .arms
            .iter()
            .any(|a| a.profiles.iter().any(|p| p.budget == **budget))
    };
    entries.extend(budgets.iter().rev().filter(drawn).map(of));
    entries.push(Entry::heading("marks"));
    let arms = &inputs.fits.arms;
    let run = |arm: &ArmFit| {
        let shape = palette::arm(inputs.fits, &arm.arm).1;
        Entry::new(
            format!("run, {}", arm.arm),
            Key::Point(Ink::GREY.point(shape, 3.5)),
        )
    };
    entries.extend(arms.iter().map(run));
    let any = |of: fn(VertexStatus) -> bool| {
        arms.iter()
            .flat_map(|arm| &arm.profiles)
            .any(|profile| profile.vertex.is_ok_and(|v| of(v.status)))
    };
    if any(|_| true) {
        entries.push(Entry::new("parabola", Key::Line(Ink::GREY.line(1.5))));
    }
    if any(|status| status != VertexStatus::Extrapolated) {
        entries.push(Entry::new(
            "optimum",
            Key::Point(vertex_marker(VertexStatus::Interior, Ink::GREY)),
        ));
    }
    if any(|status| status == VertexStatus::Extrapolated) {
        let hollow = vertex_marker(VertexStatus::Extrapolated, Ink::GREY);
        entries.push(Entry::new("extrapolated", Key::Point(hollow)));
    }
    entries
}
