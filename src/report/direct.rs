//! Arms side by side: the difference of each from the baseline, with its interval and its seeds.

use super::axis::{Axis, signed};
use super::figure::{Entry, Figure, Ink, Mark, Marker, Panel, Shape, group};
use super::page_figure::PageFigure;
use super::{Inputs, palette};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{Difference, DirectArm, DirectComparison};

/// Pixels for each arm, and for the axis below them.
const ARM: u32 = 19;
const REST: u32 = 86;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "direct",
    title: "Differences of the loss from the baseline",
    caption: "Left of the dashed line an architecture is better than the baseline. Large dots are means over the seeds \
         that both have, lines their 95% intervals, small dots the seeds.",
    draw,
};

fn draw(inputs: &Inputs<'_>) -> Option<Figure> {
    let compared = inputs.fits.direct.iter();
    let compared: Vec<&DirectComparison> = compared
        .filter(|direct| differences(&[*direct]).next().is_some())
        .collect();
    let order = order(&compared);
    let spread = differences(&compared).flat_map(spread);
    let title = format!("loss minus that of {}", inputs.fits.settings.baseline);
    let x = Axis::linear(&LOSS_VAL.titled(&title), spread.chain([0.0]), signed)?;
    let y = Axis::named(order.iter().map(|arm| (*arm).to_owned()));
    let panel = |direct: &&DirectComparison| {
        let title = match compared.len() {
            1 => String::new(),
            _ => format!("{}, {}", direct.size, direct.budget_words()),
        };
        Panel::new(title, &x, &y, marks(direct, &order, y.high))
    };
    let rows = compared.len().div_ceil(3) as u32;
    let height = rows * (REST + ARM * order.len() as u32);
    let panels: Vec<Panel> = compared.iter().map(panel).collect();
    (!panels.is_empty()).then(|| Figure::new(panels, legend(&compared)).high(height))
}

fn differences<'a>(compared: &[&'a DirectComparison]) -> impl Iterator<Item = &'a Difference> {
    let arms = compared.iter().flat_map(|direct| &direct.arms);
    arms.filter_map(|arm| arm.difference.as_ref())
}

/// The arms from the best, at the top of the axis, by the mean of their differences.
fn order<'a>(compared: &[&'a DirectComparison]) -> Vec<&'a str> {
    let mut arms: Vec<(&str, f64, f64)> = Vec::new();
    for arm in compared.iter().flat_map(|direct| &direct.arms) {
        let value = arm.difference.as_ref().map_or(0.0, |d| d.value);
        match arms.iter_mut().find(|(name, ..)| *name == arm.arm) {
            Some((_, sum, count)) => (*sum, *count) = (*sum + value, *count + 1.0),
            None => arms.push((&arm.arm, value, 1.0)),
        }
    }
    arms.sort_by(|a, b| (b.1 / b.2).total_cmp(&(a.1 / a.2)));
    arms.into_iter().map(|(name, ..)| name).collect()
}

fn spread(difference: &Difference) -> impl Iterator<Item = f64> {
    let ends = difference.interval.map(|i| [i.low, i.high]);
    let seeds = difference.by_seed.iter().copied();
    seeds.chain(ends.into_iter().flatten())
}

fn marks(direct: &DirectComparison, order: &[&str], top: f64) -> Vec<Mark> {
    let zero = Mark::line([(0.0, -1.0), (0.0, top)], Ink::BLACK.dashed(1.0));
    let arm = |arm: &DirectArm| {
        let place = order.iter().position(|name| *name == arm.arm);
        place.map_or_else(Vec::new, |place| arm_marks(arm, place as f64))
    };
    let arms = direct.arms.iter().flat_map(arm);
    std::iter::once(zero).chain(arms).collect()
}

/// The mean with its interval and its seeds; of the baseline, which has no difference, a point at zero.
fn arm_marks(arm: &DirectArm, y: f64) -> Vec<Mark> {
    let Some(difference) = &arm.difference else {
        return vec![Mark::point((0.0, y), mean(Ink::BLACK))];
    };
    let ink = ink(difference);
    let interval = difference.interval;
    let line = interval.map(|i| Mark::line([(i.low, y), (i.high, y)], ink.line(2.0)));
    let seed = |at: &f64| Mark::point((*at, y), ink.faint(0.5).point(Shape::Circle, 2.2));
    let mean = mean(ink).hollow_if(interval.is_none());
    line.into_iter()
        .chain(difference.by_seed.iter().map(seed))
        .chain([Mark::point((difference.value, y), mean)])
        .collect()
}

fn mean(ink: Ink) -> Marker {
    ink.point(Shape::Circle, 4.5)
}

/// By what the interval says; grey where it holds 0, or where there is none.
fn ink(difference: &Difference) -> Ink {
    match difference.interval {
        Some(interval) if interval.high < 0.0 => palette::BETTER,
        Some(interval) if interval.low > 0.0 => palette::WORSE,
        _ => Ink::GREY,
    }
}

fn legend(compared: &[&DirectComparison]) -> Vec<Entry> {
    let by_ink = |label, ink: Ink| Some(Entry::new(label, (ink.line(2.0), mean(ink))));
    let intervals = || differences(compared).map(|d| d.interval);
    let seed = Ink::GREY.faint(0.6).point(Shape::Circle, 2.2);
    let entries = [
        by_ink("better", palette::BETTER),
        by_ink("worse", palette::WORSE),
        by_ink("not told apart", Ink::GREY),
        Some(Entry::new("baseline", mean(Ink::BLACK))),
        intervals()
            .any(|i| i.is_some())
            .then(|| Entry::new("one seed", seed)),
        (intervals().any(|i| i.is_none()))
            .then(|| Entry::new("no interval", mean(Ink::GREY).hollow_if(true))),
    ];
    group("mean, 95% interval", entries.into_iter().flatten())
}
