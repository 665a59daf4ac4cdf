//! Loss against the factor on the learning rate: one panel an arm, one line a size and budget.

use super::Inputs;
use super::axis::{Axis, plain};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape};
use super::palette;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::Budget;
use isoflop_fit::Tuned;

/// Markers of budgets, the cheapest first.
const SHAPES: [Shape; 5] = [
    Shape::Circle,
    Shape::Triangle,
    Shape::Square,
    Shape::TriangleDown,
    Shape::Pentagon,
];

/// Sizes, the smallest first, and budgets, the cheapest first.
struct Order<'a> {
    sizes: Vec<&'a str>,
    budgets: Vec<Budget>,
}

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let tuned = &inputs.fits.tuned;
    let tried = || tuned.iter().flat_map(|cell| &cell.tried);
    let mut x = Axis::log(
        "factor on the rule's learning rate",
        tried().map(|t| t.factor),
        plain,
    )?;
    x.ticks = factors(tuned)
        .into_iter()
        .map(|factor| (factor, format!("×{}", plain(factor))))
        .collect();
    let y = Axis::log(&LOSS_VAL.title(), tried().map(|t| t.loss), plain)?;
    let order = Order::of(inputs);
    let mut arms: Vec<&str> = Vec::new();
    for cell in tuned {
        if !arms.contains(&cell.arm.as_str()) {
            arms.push(&cell.arm);
        }
    }
    let panel = |arm: &&str| {
        Panel::new(
            (*arm).to_owned(),
            x.clone(),
            y.clone(),
            tuned
                .iter()
                .filter(|cell| cell.arm == **arm)
                .flat_map(|cell| marks(cell, &order))
                .collect(),
        )
    };
    let panels = arms.iter().map(panel).collect();
    Some(Figure::new("learning_rate", panels, legend(&order)))
}

fn factors(tuned: &[Tuned]) -> Vec<f64> {
    let mut factors: Vec<f64> = tuned
        .iter()
        .flat_map(|cell| cell.tried.iter().map(|tried| tried.factor))
        .collect();
    factors.sort_by(f64::total_cmp);
    factors.dedup();
    factors
}

impl<'a> Order<'a> {
    fn of(inputs: &Inputs<'a>) -> Self {
        let tuned = &inputs.fits.tuned;
        let params = |size: &str| {
            inputs
                .runs
                .iter()
                .find(|run| run.size == size)
                .map_or(0, |run| run.params_total)
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
        palette::in_order(
            self.sizes
                .iter()
                .position(|other| *other == size)
                .unwrap_or(0),
            self.sizes.len(),
        )
    }

    fn shape(&self, budget: Budget) -> Shape {
        SHAPES[self
            .budgets
            .iter()
            .position(|other| *other == budget)
            .unwrap_or(0)
            % SHAPES.len()]
    }
}

fn marks(cell: &Tuned, order: &Order<'_>) -> Vec<Mark> {
    let (ink, shape) = (order.ink(&cell.size), order.shape(cell.budget));
    let points: Vec<(f64, f64)> = cell
        .tried
        .iter()
        .map(|tried| (tried.factor, tried.loss))
        .collect();
    let marker = |at: &(f64, f64)| {
        let marker = ink.point(shape, 3.5);
        // The best is filled.
        Mark::point(
            *at,
            if at.0 == cell.best {
                marker
            } else {
                marker.hollow()
            },
        )
    };
    let markers: Vec<Mark> = points.iter().map(marker).collect();
    std::iter::once(Mark::line(points, ink.line(1.25)))
        .chain(markers)
        .collect()
}

fn legend(order: &Order<'_>) -> Vec<Entry> {
    let mut entries = vec![Entry::heading("size")];
    entries.extend(
        order
            .sizes
            .iter()
            .rev()
            .map(|size| Entry::new(*size, Key::Line(order.ink(size).line(3.0)))),
    );
    entries.push(Entry::heading("budget"));
    entries.extend(order.budgets.iter().rev().map(|budget| {
        let marker = Ink::GREY.point(order.shape(*budget), 3.5);
        Entry::new(format!("{budget:.1e}"), Key::Point(marker))
    }));
    entries.push(Entry::heading("marks"));
    entries.push(Entry::new(
        "best factor",
        Key::Point(Ink::GREY.point(Shape::Circle, 3.5)),
    ));
    entries.push(Entry::new(
        "other factor",
        Key::Point(Ink::GREY.point(Shape::Circle, 3.5).hollow()),
    ));
    entries
}
