//! Loss against the factor on the learning rate: one panel an arm, one line a size and budget.

use std::collections::BTreeSet;

use super::axis::{Axis, plain};
use super::figure::{Entry, Figure, Ink, Mark, Panel, Shape, group};
use super::page_figure::PageFigure;
use super::{Inputs, palette};
use isoflop_core::run::Budget;
use isoflop_core::units::Ordered;
use isoflop_fit::Tuned;

/// Sizes, the smallest first, and budgets, the cheapest first.
struct Order<'a> {
    sizes: Vec<&'a str>,
    budgets: Vec<Budget>,
}

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "learning_rate",
    title: "Loss against the factor on the learning rate",
    caption: "One line a size and budget, the mean over seeds; the best factor is filled.",
    draw,
};

fn draw(inputs: &Inputs<'_>) -> Option<Figure> {
    let tuned = &inputs.fits.tuned;
    let tried = || tuned.iter().flat_map(|cell| &cell.tried);
    let factors = tried().map(|tried| tried.factor);
    let mut x = Axis::log("factor on the rule's learning rate", factors, plain)?;
    let label = |factor: f64| (factor, format!("×{}", plain(factor)));
    x.ticks = factors_of(tuned).into_iter().map(label).collect();
    let y = Axis::loss(tried().map(|tried| tried.loss))?;
    let order = Order::of(inputs);
    let panel = |arm: &str| {
        let own = tuned.iter().filter(|cell| cell.arm == arm);
        let marks = own.flat_map(|cell| marks(cell, &order)).collect();
        Panel::new(arm, &x, &y, marks)
    };
    let arms = palette::names(tuned.iter().map(|cell| cell.arm.as_str()));
    let panels = arms.into_iter().map(panel).collect();
    Some(Figure::new(panels, legend(&order)))
}

/// The factors that were tried, least first.
pub(super) fn factors_of(tuned: &[Tuned]) -> Vec<f64> {
    let tried = tuned.iter().flat_map(|cell| &cell.tried);
    let factors: BTreeSet<Ordered> = tried.map(|tried| Ordered(tried.factor)).collect();
    factors.into_iter().map(|factor| factor.0).collect()
}

impl<'a> Order<'a> {
    fn of(inputs: &Inputs<'a>) -> Self {
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

    fn shape(&self, budget: Budget) -> Shape {
        let place = self.budgets.iter().position(|other| *other == budget);
        palette::shape(place.unwrap_or(0))
    }
}

fn marks(cell: &Tuned, order: &Order<'_>) -> Vec<Mark> {
    let ink = order.ink(&cell.size);
    let marker = ink.point(order.shape(cell.budget), 3.5);
    let points = || cell.tried.iter().map(|tried| (tried.factor, tried.loss));
    // The best is filled.
    let point = |at: (f64, f64)| Mark::point(at, marker.hollow_if(at.0 != cell.best));
    let line = Mark::line(points(), ink.line(1.25));
    std::iter::once(line).chain(points().map(point)).collect()
}

fn legend(order: &Order<'_>) -> Vec<Entry> {
    let size = |size: &&str| Entry::new(*size, order.ink(size).line(3.0));
    let budget = |budget: &Budget| {
        let marker = Ink::GREY.point(order.shape(*budget), 3.5);
        Entry::new(budget.words(1), marker)
    };
    let factor = Ink::GREY.point(Shape::Circle, 3.5);
    let marks = [
        Entry::new("best factor", factor),
        Entry::new("other factor", factor.hollow_if(true)),
    ];
    [
        group("size", order.sizes.iter().rev().map(size)),
        group("budget", order.budgets.iter().rev().map(budget)),
        group("marks", marks),
    ]
    .concat()
}
