//! Arms side by side: the difference of each from the baseline, with its interval and its seeds.

use super::Inputs;
use super::axis::{Axis, signed};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel, Shape};
use super::palette;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{DirectArm, DirectComparison};

/// Pixels for each arm, and for the axis below them.
const ARM: u32 = 19;
const REST: u32 = 86;

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let compared: Vec<&DirectComparison> = inputs
        .fits
        .direct
        .iter()
        .filter(|direct| has_difference(direct))
        .collect();
    let order = order(&compared);
    let spread = compared
        .iter()
        .flat_map(|direct| direct.arms.iter().flat_map(spread));
    let title = format!("loss minus that of {}", inputs.fits.settings.baseline);
    let x = Axis::linear(&LOSS_VAL.titled(&title), spread.chain([0.0]), signed)?;
    let y = Axis::named(order.iter().map(|arm| (*arm).to_owned()));
    let panel = |direct: &&DirectComparison| {
        Panel::new(
            if compared.len() == 1 {
                String::new()
            } else {
                format!("{}, {}", direct.size, direct.budget_words())
            },
            x.clone(),
            y.clone(),
            marks(direct, &order, y.high),
        )
    };
    let rows = compared.len().div_ceil(3) as u32;
    let height = rows * (REST + ARM * order.len() as u32);
    (!compared.is_empty()).then(|| {
        Figure::new(
            "direct",
            compared.iter().map(panel).collect(),
            legend(&compared),
        )
        .high(height)
    })
}

fn has_difference(direct: &DirectComparison) -> bool {
    direct.arms.iter().any(|arm| arm.difference.is_some())
}

/// The arms from the best, at the top of the axis, by the mean of their differences.
fn order<'a>(compared: &[&'a DirectComparison]) -> Vec<&'a str> {
    let mut arms: Vec<(&str, f64, f64)> = Vec::new();
    for arm in compared.iter().flat_map(|direct| &direct.arms) {
        let value = arm
            .difference
            .as_ref()
            .map_or(0.0, |difference| difference.value);
        match arms.iter_mut().find(|(name, ..)| *name == arm.arm) {
            Some((_, sum, count)) => (*sum, *count) = (*sum + value, *count + 1.0),
            None => arms.push((&arm.arm, value, 1.0)),
        }
    }
    arms.sort_by(|a, b| (b.1 / b.2).total_cmp(&(a.1 / a.2)));
    arms.into_iter().map(|(name, ..)| name).collect()
}

fn spread(arm: &DirectArm) -> Vec<f64> {
    let Some(difference) = &arm.difference else {
        return Vec::new();
    };
    let ends = difference
        .interval
        .map(|interval| [interval.low, interval.high]);
    difference
        .by_seed
        .iter()
        .copied()
        .chain(ends.into_iter().flatten())
        .collect()
}

fn marks(direct: &DirectComparison, order: &[&str], top: f64) -> Vec<Mark> {
    let mut marks = vec![Mark::line(
        vec![(0.0, -1.0), (0.0, top)],
        Ink::BLACK.dashed(1.0),
    )];
    for arm in &direct.arms {
        let Some(y) = order
            .iter()
            .position(|name| *name == arm.arm)
            .map(|place| place as f64)
        else {
            continue;
        };
        let Some(difference) = &arm.difference else {
            marks.push(Mark::point((0.0, y), Ink::BLACK.point(Shape::Circle, 4.5)));
            continue;
        };
        let ink = ink(arm);
        if let Some(interval) = difference.interval {
            marks.push(Mark::line(
                vec![(interval.low, y), (interval.high, y)],
                ink.line(2.0),
            ));
        }
        let seed = |at: &f64| Mark::point((*at, y), ink.faint(0.5).point(Shape::Circle, 2.2));
        marks.extend(difference.by_seed.iter().map(seed));
        let mean = ink.point(Shape::Circle, 4.5);
        let mean = if difference.interval.is_some() {
            mean
        } else {
            mean.hollow()
        };
        marks.push(Mark::point((difference.value, y), mean));
    }
    marks
}

/// By what the interval says; grey where it holds 0, or where there is none.
fn ink(arm: &DirectArm) -> Ink {
    let interval = arm
        .difference
        .as_ref()
        .and_then(|difference| difference.interval);
    match interval {
        Some(interval) if interval.high < 0.0 => palette::BETTER,
        Some(interval) if interval.low > 0.0 => palette::WORSE,
        _ => Ink::GREY,
    }
}

fn legend(compared: &[&DirectComparison]) -> Vec<Entry> {
    let marker = |ink: Ink| Key::LinePoint(ink.line(2.0), ink.point(Shape::Circle, 4.5));
    let mut entries = vec![
        Entry::heading("mean, 95% interval"),
        Entry::new("better", marker(palette::BETTER)),
        Entry::new("worse", marker(palette::WORSE)),
        Entry::new("not told apart", marker(Ink::GREY)),
        Entry::new("baseline", Key::Point(Ink::BLACK.point(Shape::Circle, 4.5))),
    ];
    let differences = || {
        compared
            .iter()
            .flat_map(|direct| direct.arms.iter().filter_map(|arm| arm.difference.as_ref()))
    };
    if differences().any(|difference| difference.interval.is_some()) {
        entries.push(Entry::new(
            "one seed",
            Key::Point(Ink::GREY.faint(0.6).point(Shape::Circle, 2.2)),
        ));
    }
    if differences().any(|difference| difference.interval.is_none()) {
        entries.push(Entry::new(
            "no interval",
            Key::Point(Ink::GREY.point(Shape::Circle, 4.5).hollow()),
        ));
    }
    entries
}
