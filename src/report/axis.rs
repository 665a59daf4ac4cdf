//! Axes: range, scale and ticks. The logarithmic axis of plotters has no labels within one decade.

use isoflop_core::metrics::LOSS_VAL;

/// Scale of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AxisScale {
    Linear,
    Log,
}

/// An axis. A logarithmic axis has positive values only.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) scale: AxisScale,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Values of grid lines, with their labels.
    pub(super) ticks: Vec<(f64, String)>,
}

/// Margin between the data and the ends of an axis, as a share of the range.
const MARGIN: f64 = 0.05;
/// Factor beyond the values that an axis shows of an interval. A wider axis would flatten the
/// values.
const MAX_INTERVAL_FACTOR: f64 = 4.0;

impl Axis {
    /// A linear axis around the values; `None` without values.
    pub(super) fn linear(
        title: &str,
        values: impl Iterator<Item = f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        Self::around(title, AxisScale::Linear, values, label)
    }

    /// A logarithmic axis around the positive values; `None` without positive values.
    pub(super) fn log(
        title: &str,
        values: impl Iterator<Item = f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        Self::around(title, AxisScale::Log, values.filter(|v| *v > 0.0), label)
    }

    /// A logarithmic axis of validation losses.
    pub(super) fn loss(values: impl Iterator<Item = f64>) -> Option<Self> {
        Self::log(&LOSS_VAL.title(), values, plain)
    }

    /// An axis of names, the first at the low end.
    pub(super) fn named(names: impl Iterator<Item = String>) -> Self {
        let ticks: Vec<(f64, String)> = names
            .enumerate()
            .map(|(i, name)| (i as f64, name))
            .collect();
        let high = ticks.len() as f64 - 0.4;
        Self {
            title: String::new(),
            scale: AxisScale::Linear,
            low: -0.6,
            high,
            ticks,
        }
    }

    fn around(
        title: &str,
        scale: AxisScale,
        values: impl Iterator<Item = f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        let finite = values.filter(|v| v.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
            (l.min(v), h.max(v))
        });
        if low > high {
            return None;
        }
        let (low, high) = (scale.forward(low), scale.forward(high));
        // A range of one value is drawn with a positive width.
        let room = (MARGIN * (high - low)).max(1e-3 * low.abs()).max(1e-3);
        let (low, high) = (scale.back(low - room), scale.back(high + room));
        let ticks = match scale {
            AxisScale::Linear => linear_ticks(low, high),
            AxisScale::Log => log_ticks(low, high),
        };
        let ticks = ticks.into_iter().map(|tick| (tick, label(tick))).collect();
        Some(Self {
            title: title.to_owned(),
            scale,
            low,
            high,
            ticks,
        })
    }

    /// The same axis with its high end first.
    pub(super) fn reversed(mut self) -> Self {
        std::mem::swap(&mut self.low, &mut self.high);
        self.ticks.reverse();
        self
    }

    /// The nearest value on the axis.
    pub(super) fn clamped(&self, value: f64) -> f64 {
        value.clamp(self.low.min(self.high), self.low.max(self.high))
    }

    /// The value at a distance from another, in shares of the axis. It separates marks that would
    /// be drawn at one value.
    pub(super) fn offset(&self, value: f64, share: f64) -> f64 {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        self.scale
            .back(self.scale.forward(value) + share * (high - low))
    }

    /// Position of a value: 0 at the low end, 1 at the high end.
    pub(super) fn position(&self, value: f64) -> f64 {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        (self.scale.forward(value) - low) / (high - low)
    }

    /// Reports whether a value is on the axis.
    pub(super) fn contains(&self, value: f64) -> bool {
        self.clamped(value) == value
    }
}

impl AxisScale {
    fn forward(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.ln(),
        }
    }

    fn back(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.exp(),
        }
    }
}

/// Ticks at decades, at 1-2-5, or at even steps: the coarsest choice that gives at least three.
pub(super) fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    for digits in [&[1.0][..], &[1.0, 2.0, 5.0]] {
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let ticks: Vec<f64> = decades
            .flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)))
            .filter(|tick| (low..=high).contains(tick))
            .collect();
        if ticks.len() >= 3 {
            return thinned(ticks);
        }
    }
    linear_ticks(low, high)
}

/// Keeps every second or third tick, so that at most ten remain.
fn thinned(ticks: Vec<f64>) -> Vec<f64> {
    let step = ticks.len().div_ceil(10);
    ticks.into_iter().step_by(step).collect()
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten. These steps differ by at most a factor of
/// 2.5, so there are 3 to 8 of them.
pub(super) fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let least = (high - low) / 8.0;
    let exponent = least.log10().floor() as i32;
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(exponent));
    let step = steps.into_iter().find(|step| *step >= least);
    let step = step.unwrap_or(10f64.powi(exponent + 1));
    let multiples = (low / step).ceil() as i64..=(high / step).floor() as i64;
    multiples
        .map(|i| i as f64 * step)
        .filter(|tick| (low..=high).contains(tick))
        .collect()
}

/// Values from one end to the other, with a constant ratio.
pub(super) fn steps(from: f64, to: f64, pieces: u32) -> impl Iterator<Item = f64> {
    (0..=pieces).map(move |i| from * (to / from).powf(f64::from(i) / f64::from(pieces)))
}

/// Values, and the ends of their intervals, limited to the range that an axis shows.
pub(super) fn with_interval_ends(
    values: Vec<f64>,
    ends: impl Iterator<Item = f64>,
) -> impl Iterator<Item = f64> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    ends.map(move |end| end.clamp(least / MAX_INTERVAL_FACTOR, most * MAX_INTERVAL_FACTOR))
        .chain(values)
}

/// Formats as `1e11`, `2.5e11`.
pub(super) fn scientific(value: f64) -> String {
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", without_zeros(digits)),
        None => text,
    }
}

/// Formats as `200`, `20k`, `1.5M`.
pub(super) fn count(value: f64) -> String {
    let (step, suffix) = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(s, _)| value >= *s)
        .unwrap_or((1.0, ""));
    format!("{}{suffix}", without_zeros(&format!("{:.3}", value / step)))
}

/// Formats as `2.5`.
pub(super) fn plain(value: f64) -> String {
    without_zeros(&format!("{value:.4}")).to_owned()
}

/// Formats a share as `+2%`, `-0.5%`, `0%`.
pub(super) fn percent(value: f64) -> String {
    format!("{}%", signed(100.0 * value))
}

/// Formats as `+0.02`, `-0.02`, `0`.
pub(super) fn signed(value: f64) -> String {
    // A tick at 0 is a multiple of a step, with a rounding error.
    let value = if value.abs() < 1e-12 { 0.0 } else { value };
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", plain(value))
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ticks_are_few_and_within(start in -6.0..20.0f64, decades in 0.05..8.0f64) {
            let (low, high) = (10f64.powf(start), 10f64.powf(start + decades));
            let ticks = log_ticks(low, high);
            prop_assert!((3..=10).contains(&ticks.len()), "{low:e} to {high:e}: {ticks:?}");
            prop_assert!(ticks.iter().all(|tick| (low..=high).contains(tick)));
            prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn linear_ticks_are_few_and_within(low in -10.0..10.0f64, width in 0.01..100.0f64) {
            let ticks = linear_ticks(low, low + width);
            prop_assert!((3..=10).contains(&ticks.len()), "{low} + {width}: {ticks:?}");
            prop_assert!(ticks.iter().all(|tick| (low..=low + width).contains(tick)));
        }
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(
            [1e11, 2e11, 2.5e11].map(scientific),
            ["1e11", "2e11", "2.5e11"]
        );
        assert_eq!([200.0, 2e4, 1.5e6].map(count), ["200", "20k", "1.5M"]);
        assert_eq!([2.0, 2.5, 2.25].map(plain), ["2", "2.5", "2.25"]);
    }

    #[test]
    fn a_reversed_axis_runs_the_other_way() {
        let axis = Axis::linear("L", [2.0, 3.0].into_iter(), plain)
            .expect("an axis")
            .reversed();
        assert!(axis.position(2.1) > axis.position(2.9));
        assert!(axis.contains(2.5) && !axis.contains(4.0) && axis.clamped(4.0) == axis.low);
        assert!(
            axis.ticks
                .windows(2)
                .all(|pair| axis.position(pair[0].0) < axis.position(pair[1].0))
        );
    }

    #[test]
    fn one_value_still_makes_an_axis() {
        let axis = Axis::log("C", [1e11].into_iter(), scientific).expect("an axis");
        assert!(axis.contains(1e11) && axis.position(1e11) > 0.4 && !axis.ticks.is_empty());
        assert_eq!(
            Axis::log("C", [f64::NAN, -1.0].into_iter(), scientific),
            None
        );
    }
}
