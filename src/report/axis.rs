//! Axes: range, scale, ticks. plotters' own logarithmic axis has no label below one decade.

use isoflop_core::metrics::LOSS_VAL;

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// An axis; a logarithmic one holds positive values only.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) scale: Scale,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where a grid line stands, and its label.
    pub(super) ticks: Vec<(f64, String)>,
}

/// Room between the data and the ends of an axis, as a share of the range.
const MARGIN: f64 = 0.05;
/// An interval may reach this factor beyond the values; a wider one would flatten them.
const WIDEST: f64 = 4.0;

impl Axis {
    /// A linear axis around the values; none where there are none.
    pub(super) fn linear(
        title: &str,
        values: impl Iterator<Item = f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        Self::around(title, Scale::Linear, values, label)
    }

    /// A logarithmic axis around the positive values; none where there are none.
    pub(super) fn log(
        title: &str,
        values: impl Iterator<Item = f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        Self::around(title, Scale::Log, values.filter(|v| *v > 0.0), label)
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
            scale: Scale::Linear,
            low: -0.6,
            high,
            ticks,
        }
    }

    fn around(
        title: &str,
        scale: Scale,
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
        // A range of one value is still drawn, as wide as a tenth of it.
        let room = (MARGIN * (high - low)).max(1e-3 * low.abs()).max(1e-3);
        let (low, high) = (scale.back(low - room), scale.back(high + room));
        let ticks = match scale {
            Scale::Linear => linear_ticks(low, high),
            Scale::Log => log_ticks(low, high),
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

    /// The same with its high end first.
    pub(super) fn reversed(mut self) -> Self {
        std::mem::swap(&mut self.low, &mut self.high);
        self.ticks.reverse();
        self
    }

    /// The nearest value that lies on it.
    pub(super) fn held(&self, value: f64) -> f64 {
        value.clamp(self.low.min(self.high), self.low.max(self.high))
    }

    /// The value that lies a share of the axis beyond another: what stands side by side at one value is told apart so.
    pub(super) fn beside(&self, value: f64, share: f64) -> f64 {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        self.scale
            .back(self.scale.forward(value) + share * (high - low))
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(super) fn position(&self, value: f64) -> f64 {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        (self.scale.forward(value) - low) / (high - low)
    }

    /// Whether a value lies on it.
    pub(super) fn holds(&self, value: f64) -> bool {
        self.held(value) == value
    }
}

impl Scale {
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

/// Decades, or 1-2-5, or even steps: the coarsest of them that gives three ticks.
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

/// Every second, or third, so that at most ten are left.
fn thinned(ticks: Vec<f64>) -> Vec<f64> {
    let step = ticks.len().div_ceil(10);
    ticks.into_iter().step_by(step).collect()
}

/// Multiples of 1, 2 or 5 times a power of ten. These are at most 2.5 apart, so that 8 steps at most are 3 at least.
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

/// Values from one end to the other, each the same factor from its neighbours.
pub(super) fn steps(from: f64, to: f64, pieces: u32) -> impl Iterator<Item = f64> {
    (0..=pieces).map(move |i| from * (to / from).powf(f64::from(i) / f64::from(pieces)))
}

/// Values, and the ends of their intervals as far as an axis shows them.
pub(super) fn with_ends(
    values: Vec<f64>,
    ends: impl Iterator<Item = f64>,
) -> impl Iterator<Item = f64> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    ends.map(move |end| end.clamp(least / WIDEST, most * WIDEST))
        .chain(values)
}

/// `1e11`, `2.5e11`.
pub(super) fn scientific(value: f64) -> String {
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", without_zeros(digits)),
        None => text,
    }
}

/// `200`, `20k`, `1.5M`.
pub(super) fn count(value: f64) -> String {
    let (step, suffix) = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(s, _)| value >= *s)
        .unwrap_or((1.0, ""));
    format!("{}{suffix}", without_zeros(&format!("{:.3}", value / step)))
}

/// `2.5`.
pub(super) fn plain(value: f64) -> String {
    without_zeros(&format!("{value:.4}")).to_owned()
}

/// A share: `+2%`, `-0.5%`, `0%`.
pub(super) fn percent(value: f64) -> String {
    format!("{}%", signed(100.0 * value))
}

/// `+0.02`, `-0.02`, `0`.
pub(super) fn signed(value: f64) -> String {
    // Ticks are multiples of a step; what is left of them at 0 is rounding.
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
        assert!(axis.holds(2.5) && !axis.holds(4.0) && axis.held(4.0) == axis.low);
        assert!(
            axis.ticks
                .windows(2)
                .all(|pair| axis.position(pair[0].0) < axis.position(pair[1].0))
        );
    }

    #[test]
    fn one_value_still_makes_an_axis() {
        let axis = Axis::log("C", [1e11].into_iter(), scientific).expect("an axis");
        assert!(axis.holds(1e11) && axis.position(1e11) > 0.4 && !axis.ticks.is_empty());
        assert_eq!(
            Axis::log("C", [f64::NAN, -1.0].into_iter(), scientific),
            None
        );
    }
}
