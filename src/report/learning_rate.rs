//! Figure of loss against the learning-rate factor: one panel for each arm, one line for each size
//! and budget.

use std::collections::BTreeSet;

use super::axis::{Axis, plain};
use super::figure::{Figure, Ink, LegendEntry, MarkerShape, Panel, PanelMark, group};
use super::page_figure::PageFigure;
use super::{ReportInputs, palette};
use isoflop_core::run::Budget;
use isoflop_core::units::NumberKey;
use isoflop_fit::TunedRate;

/// Sizes, smallest first, and budgets, smallest first.
struct RateGrid<'a> {
    sizes: Vec<&'a str>,
    budgets: Vec<Budget>,
}

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "learning_rate",
    title: "Loss against the learning-rate factor",
    caption: "One line for each size and budget: the mean over seeds. The best factor has a filled marker.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let tuned = &inputs.fits.tuned;
    let tried = || tuned.iter().flat_map(|cell| &cell.tried);
    let factors = tried().map(|tried| tried.factor);
    let mut x = Axis::log("learning-rate factor", factors, plain)?;
    let label = |factor: f64| (factor, format!("×{}", plain(factor)));
    x.ticks = factors_of(tuned).into_iter().map(label).collect();
    let y = Axis::loss(tried().map(|tried| tried.loss))?;
    let order = RateGrid::of(inputs);
    let panel = |arm: &str| {
        let own = tuned.iter().filter(|cell| cell.arm == arm);
        let marks = own.flat_map(|cell| marks(cell, &order)).collect();
        Panel::new(arm, &x, &y, marks)
    };
    let arms = palette::names(tuned.iter().map(|cell| cell.arm.as_str()));
    let panels = arms.into_iter().map(panel).collect();
    Some(Figure::new(panels, legend(&order)))
}

/// The factors that were tried, in ascending order.
pub(super) fn factors_of(tuned: &[TunedRate]) -> Vec<f64> {
    let tried = tuned.iter().flat_map(|cell| &cell.tried);
    let factors: BTreeSet<NumberKey> = tried.map(|tried| NumberKey(tried.factor)).collect();
    factors.into_iter().map(|factor| factor.0).collect()
}

impl<'a> RateGrid<'a> {
    fn of(inputs: &ReportInputs<'a>) -> Self {
        let tuned = &inputs.fits.tuned;
        let params = |size: &str| {
            let run = inputs.runs.iter().find(|run| run.size == size);
            run.map_or(0, |run| run.params_total)
        };
        let mut sizes: Vec<&str> = tuned.iter().map(|cell| cell.size.as_str()).collect();
        sizes.sort_by_key(|size| (params(size), *size));
        sizes.dedup();
        let mut budgets: Vec<Budget> = tuned.iter().map(|cell| cell.budget).collect();
        budgets.sort();
        budgets.dedup();
        Self { sizes, budgets }
    }

    fn ink(&self, size: &str) -> Ink {
        let place = self.sizes.iter().position(|other| *other == size);
        palette::in_order(place.unwrap_or(0), self.sizes.len())
    }

    fn shape(&self, budget: Budget) -> MarkerShape {
        let place = self.budgets.iter().position(|other| *other == budget);
        palette::shape(place.unwrap_or(0))
    }
}

fn marks(cell: &TunedRate, order: &RateGrid<'_>) -> Vec<PanelMark> {
    let ink = order.ink(&cell.size);
    let marker = ink.point(order.shape(cell.budget), 3.5);
    let points = || cell.tried.iter().map(|tried| (tried.factor, tried.loss));
    let point = |at: (f64, f64)| PanelMark::point(at, marker.hollow_if(at.0 != cell.best));
    let line = PanelMark::line(points(), ink.line(1.25));
    std::iter::once(line).chain(points().map(point)).collect()
}

fn legend(order: &RateGrid<'_>) -> Vec<LegendEntry> {
    let size = |size: &&str| LegendEntry::new(*size, order.ink(size).line(3.0));
    let budget = |budget: &Budget| {
        let marker = Ink::GREY.point(order.shape(*budget), 3.5);
        LegendEntry::new(budget.with_unit(1), marker)
    };
    let factor = Ink::GREY.point(MarkerShape::Circle, 3.5);
    let marks = [
        LegendEntry::new("best factor", factor),
        LegendEntry::new("other factor", factor.hollow_if(true)),
    ];
    [
        group("size", order.sizes.iter().rev().map(size)),
        group("budget", order.budgets.iter().rev().map(budget)),
        group("marks", marks),
    ]
    .concat()
}
