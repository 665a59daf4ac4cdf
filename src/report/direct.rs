//! Figure of arms side by side: the difference of each from the baseline, with its interval and its
//! seeds.

use super::axis::{Axis, signed};
use super::figure::{Figure, Ink, LegendEntry, Marker, MarkerShape, Panel, PanelMark, group};
use super::page_figure::PageFigure;
use super::{ReportInputs, palette};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_fit::{ArmDifference, DirectArm, DirectComparison};

/// Height of each arm, pixels.
const ARM: u32 = 19;
/// Height of the axis below the arms, pixels.
const REST: u32 = 86;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "direct",
    title: "Difference in loss from the baseline",
    caption: "Left of the dashed line an arm has a lower loss than the baseline. Large dots are means over the seeds that \
         both have, lines their 95% intervals, and small dots single seeds.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let compared = inputs.fits.direct.iter();
    let compared: Vec<&DirectComparison> = compared
        .filter(|direct| differences(&[*direct]).next().is_some())
        .collect();
    let order = order(&compared);
    let spread = differences(&compared).flat_map(spread);
    let title = format!("loss minus the loss of {}", inputs.fits.settings.baseline);
    let x = Axis::linear(&LOSS_VAL.title_for(&title), spread.chain([0.0]), signed)?;
    let y = Axis::named(order.iter().map(|arm| (*arm).to_owned()));
    let panel = |direct: &&DirectComparison| {
        let title = match compared.len() {
            1 => String::new(),
            _ => format!("{}, {}", direct.size, direct.budget_text()),
        };
        Panel::new(title, &x, &y, marks(direct, &order, y.high))
    };
    let rows = compared.len().div_ceil(3) as u32;
    let height = rows * (REST + ARM * order.len() as u32);
    let panels: Vec<Panel> = compared.iter().map(panel).collect();
    (!panels.is_empty()).then(|| Figure::new(panels, legend(&compared)).with_height(height))
}

fn differences<'a>(compared: &[&'a DirectComparison]) -> impl Iterator<Item = &'a ArmDifference> {
    let arms = compared.iter().flat_map(|direct| &direct.arms);
    arms.filter_map(|arm| arm.difference.as_ref())
}

/// Arms in order of their mean difference, the best last, at the top of the axis.
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

fn spread(difference: &ArmDifference) -> impl Iterator<Item = f64> {
    let ends = difference.interval.map(|i| [i.low, i.high]);
    let seeds = difference.by_seed.iter().copied();
    seeds.chain(ends.into_iter().flatten())
}

fn marks(direct: &DirectComparison, order: &[&str], top: f64) -> Vec<PanelMark> {
    let zero = PanelMark::line([(0.0, -1.0), (0.0, top)], Ink::BLACK.dashed(1.0));
    let arm = |arm: &DirectArm| {
        let place = order.iter().position(|name| *name == arm.arm);
        place.map_or_else(Vec::new, |place| arm_marks(arm, place as f64))
    };
    let arms = direct.arms.iter().flat_map(arm);
    std::iter::once(zero).chain(arms).collect()
}

/// The mean with its interval and its seeds. The baseline, which has no difference, is a point at
/// zero.
fn arm_marks(arm: &DirectArm, y: f64) -> Vec<PanelMark> {
    let Some(difference) = &arm.difference else {
        return vec![PanelMark::point((0.0, y), mean(Ink::BLACK))];
    };
    let ink = ink(difference);
    let interval = difference.interval;
    let line = interval.map(|i| PanelMark::line([(i.low, y), (i.high, y)], ink.line(2.0)));
    let seed = |at: &f64| {
        PanelMark::point(
            (*at, y),
            ink.with_alpha(0.5).point(MarkerShape::Circle, 2.2),
        )
    };
    let mean = mean(ink).hollow_if(interval.is_none());
    line.into_iter()
        .chain(difference.by_seed.iter().map(seed))
        .chain([PanelMark::point((difference.value, y), mean)])
        .collect()
}

fn mean(ink: Ink) -> Marker {
    ink.point(MarkerShape::Circle, 4.5)
}

/// Colour by the interval; grey if the interval contains 0 or is missing.
fn ink(difference: &ArmDifference) -> Ink {
    match difference.interval {
        Some(interval) if interval.high < 0.0 => palette::BETTER,
        Some(interval) if interval.low > 0.0 => palette::WORSE,
        _ => Ink::GREY,
    }
}

fn legend(compared: &[&DirectComparison]) -> Vec<LegendEntry> {
    let by_ink = |label, ink: Ink| Some(LegendEntry::new(label, (ink.line(2.0), mean(ink))));
    let intervals = || differences(compared).map(|d| d.interval);
    let seed = Ink::GREY.with_alpha(0.6).point(MarkerShape::Circle, 2.2);
    let entries = [
        by_ink("better", palette::BETTER),
        by_ink("worse", palette::WORSE),
        by_ink("indistinguishable", Ink::GREY),
        Some(LegendEntry::new("baseline", mean(Ink::BLACK))),
        intervals()
            .any(|i| i.is_some())
            .then(|| LegendEntry::new("one seed", seed)),
        (intervals().any(|i| i.is_none()))
            .then(|| LegendEntry::new("no interval", mean(Ink::GREY).hollow_if(true))),
    ];
    group("mean, 95% interval", entries.into_iter().flatten())
}
