//! Colours and markers, the same in every figure of a report.

use std::collections::BTreeSet;

use super::ReportInputs;
use super::figure::{Ink, LegendEntry, LegendKey, MarkerShape, group};
use isoflop_core::run::Budget;
use isoflop_fit::{Approach, StudyFits};

/// Okabe and Ito's colours, which colour-blind readers can distinguish (jfly.uni-koeln.de/color),
/// without the yellow, which is too faint on white.
const ARMS: [(u8, u8, u8); 6] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
];

/// Colour of an arm that is better than the baseline.
pub(super) const BETTER: Ink = Ink::solid(ARMS[0]);
/// Colour of an arm that is worse than the baseline.
pub(super) const WORSE: Ink = Ink::solid(ARMS[1]);

/// Shape of each arm, for readers of a grey print. In a figure without arms, each budget has a
/// shape.
const SHAPES: [MarkerShape; 5] = [
    MarkerShape::Circle,
    MarkerShape::Triangle,
    MarkerShape::Square,
    MarkerShape::TriangleDown,
    MarkerShape::Pentagon,
];

/// Viridis from its green to its violet. Lightness falls all the way, so that the order is visible
/// in a grey print.
const BUDGETS: [(f64, f64, f64); 5] = [
    (122.0, 209.0, 81.0),
    (34.0, 168.0, 132.0),
    (42.0, 120.0, 142.0),
    (65.0, 68.0, 135.0),
    (68.0, 1.0, 84.0),
];

/// Colour and marker of an arm.
pub(super) fn arm(fits: &StudyFits, name: &str) -> (Ink, MarkerShape) {
    let own = fits.arms.iter().position(|arm| arm.arm == name);
    let place = own.unwrap_or(fits.arms.len());
    (Ink::solid(ARMS[place % ARMS.len()]), shape(place))
}

/// Shape at a position in an order.
pub(super) fn shape(place: usize) -> MarkerShape {
    SHAPES[place % SHAPES.len()]
}

/// The legend's group of arms.
pub(super) fn legend<'a, K: Into<LegendKey>>(
    fits: &StudyFits,
    heading: impl Into<String>,
    arms: impl Iterator<Item = &'a str>,
    key: impl Fn(Ink, MarkerShape) -> K,
) -> Vec<LegendEntry> {
    let entry = |name: &str| {
        let (ink, shape) = arm(fits, name);
        LegendEntry::new(name, key(ink, shape))
    };
    group(heading, arms.map(entry))
}

/// The key of an arm in most figures.
pub(super) fn line_and_point(ink: Ink, shape: MarkerShape) -> LegendKey {
    LegendKey::LinePoint(ink.line(2.25), ink.point(shape, 5.0))
}

/// Shape of an approach, which no arm has.
pub(super) fn approach(approach: Approach) -> MarkerShape {
    match approach {
        Approach::Surface => MarkerShape::Diamond,
        Approach::Profiles => MarkerShape::Bar,
        Approach::ProfilesCubic => MarkerShape::Plus,
        Approach::ProfilesWindowed => MarkerShape::Cross,
        Approach::Envelope => MarkerShape::Dash,
    }
}

/// Colour at position `place` of `count`, for budgets or sizes in ascending order. A larger one is
/// darker.
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

/// All budgets of a report, in ascending order, so that each has the same colour in every figure.
pub(super) struct BudgetColours(Vec<Budget>);

impl BudgetColours {
    pub(super) fn of(inputs: &ReportInputs<'_>) -> Self {
        let profiles = inputs.fits.arms.iter().flat_map(|arm| &arm.profiles);
        let fitted = profiles.map(|profile| profile.budget);
        let all = fitted.chain(inputs.curves.iter().map(|row| row.budget));
        Self(all.collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Colour of a budget.
    pub(super) fn ink(&self, value: Budget) -> Ink {
        let place = self.0.iter().position(|budget| *budget == value);
        in_order(place.unwrap_or(0), self.0.len())
    }

    /// The legend's group of the budgets that are drawn, largest first.
    pub(super) fn legend<K: Into<LegendKey>>(
        &self,
        drawn: impl Fn(Budget) -> bool,
        key: impl Fn(Budget, Ink) -> K,
    ) -> Vec<LegendEntry> {
        let drawn = || self.0.iter().rev().copied().filter(|budget| drawn(*budget));
        let entry =
            |budget: Budget| LegendEntry::new(budget.number(1), key(budget, self.ink(budget)));
        let unit = drawn().next().map_or("FLOPs", Budget::unit);
        group(format!("budget, {unit}"), drawn().map(entry))
    }
}

/// Distinct names, in order of their first occurrence.
pub(super) fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
