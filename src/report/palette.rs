//! Which colour and which marker stands for what: the same in every figure of a report.

use std::collections::BTreeSet;

use super::Inputs;
use super::figure::{Entry, Ink, Key, Shape, group};
use isoflop_core::run::Budget;
use isoflop_fit::{Approach, Fits};

/// Okabe and Ito's colours, told apart by colour-blind readers (jfly.uni-koeln.de/color), without the yellow, which is
/// lost on white.
const ARMS: [(u8, u8, u8); 6] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
];

/// An arm that is better, or worse, than the one it is compared with.
pub(super) const BETTER: Ink = Ink::solid(ARMS[0]);
pub(super) const WORSE: Ink = Ink::solid(ARMS[1]);

/// A shape for each arm too, for readers of a grey print; where a figure has none, for each budget.
const SHAPES: [Shape; 5] = [
    Shape::Circle,
    Shape::Triangle,
    Shape::Square,
    Shape::TriangleDown,
    Shape::Pentagon,
];

/// Viridis from its green to its violet: lightness falls all the way, so that the order survives a grey print.
const BUDGETS: [(f64, f64, f64); 5] = [
    (122.0, 209.0, 81.0),
    (34.0, 168.0, 132.0),
    (42.0, 120.0, 142.0),
    (65.0, 68.0, 135.0),
    (68.0, 1.0, 84.0),
];

/// Colour and marker of an arm.
pub(super) fn arm(fits: &Fits, name: &str) -> (Ink, Shape) {
    let own = fits.arms.iter().position(|arm| arm.arm == name);
    let place = own.unwrap_or(fits.arms.len());
    (Ink::solid(ARMS[place % ARMS.len()]), shape(place))
}

/// Marker at a place in some order.
pub(super) fn shape(place: usize) -> Shape {
    SHAPES[place % SHAPES.len()]
}

/// The legend's part about some arms.
pub(super) fn legend<'a, K: Into<Key>>(
    fits: &Fits,
    heading: impl Into<String>,
    arms: impl Iterator<Item = &'a str>,
    key: impl Fn(Ink, Shape) -> K,
) -> Vec<Entry> {
    let entry = |name: &str| {
        let (ink, shape) = arm(fits, name);
        Entry::new(name, key(ink, shape))
    };
    group(heading, arms.map(entry))
}

/// The key of an arm in most figures.
pub(super) fn line_and_point(ink: Ink, shape: Shape) -> Key {
    Key::LinePoint(ink.line(2.25), ink.point(shape, 5.0))
}

/// Marker of an approach; no arm has it.
pub(super) fn approach(approach: Approach) -> Shape {
    match approach {
        Approach::Surface => Shape::Diamond,
        Approach::Profiles => Shape::Bar,
        Approach::ProfilesCubic => Shape::Plus,
        Approach::ProfilesWindowed => Shape::Cross,
        Approach::Envelope => Shape::Dash,
    }
}

/// Colour at `place` of `count`, of budgets from the cheapest, of sizes from the smallest: the larger, the darker.
pub(super) fn in_order(place: usize, count: usize) -> Ink {
    let last = (BUDGETS.len() - 1) as f64;
    let at = if count < 2 {
        0.5 * last
    } else {
        last * place as f64 / (count - 1) as f64
    };
    let below = (at.floor() as usize).min(BUDGETS.len() - 2);
    let (from, to, share) = (BUDGETS[below], BUDGETS[below + 1], at - below as f64);
    let mix = |a: f64, b: f64| (a + share * (b - a)).round() as u8;
    Ink::solid((mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2)))
}

/// All budgets of a report, least first, so that one has the same colour in every figure.
pub(super) struct Budgets(Vec<Budget>);

impl Budgets {
    pub(super) fn of(inputs: &Inputs<'_>) -> Self {
        let profiles = inputs.fits.arms.iter().flat_map(|arm| &arm.profiles);
        let fitted = profiles.map(|profile| profile.budget);
        let all = fitted.chain(inputs.curves.iter().map(|row| row.budget));
        Self(all.collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Colour of a budget among all.
    pub(super) fn ink(&self, value: Budget) -> Ink {
        let place = self.0.iter().position(|budget| *budget == value);
        in_order(place.unwrap_or(0), self.0.len())
    }

    /// The legend's part about those that are drawn, the dearest first.
    pub(super) fn legend<K: Into<Key>>(
        &self,
        drawn: impl Fn(Budget) -> bool,
        key: impl Fn(Budget, Ink) -> K,
    ) -> Vec<Entry> {
        let drawn = || self.0.iter().rev().copied().filter(|budget| drawn(*budget));
        let entry = |budget: Budget| Entry::new(budget.number(1), key(budget, self.ink(budget)));
        let unit = drawn().next().map_or("FLOPs", Budget::unit);
        group(format!("budget, {unit}"), drawn().map(entry))
    }
}

/// Distinct names, in the order that they come in.
pub(super) fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
