//! The compute multiplier: C_baseline / C_variant at equal loss, a horizontal gap between two
//! frontiers, as a function of compute and of loss (So et al., arXiv:2109.08668).

use super::interval::{exp, interval, p_value};
use super::law::Law;
use super::made::Made;
use super::{Approach, Comparison, ComparisonRefusal, Growth, MultiplierPoint, MultiplierStatus};

/// Points on the curve of multipliers.
const POINTS: usize = 25;

/// Compares two arms that have a law each.
pub(super) fn compare(names: [&str; 2], pair: &Pair<'_>, extrapolate: bool) -> Comparison {
    let (first, last) = pair.base.flops_range;
    let middle = pair.middle();
    let at = middle.unwrap_or((first * last).sqrt());
    let headline = if extrapolate || middle.is_some() {
        Ok(pair.point(at, extrapolate))
    } else {
        Err(ComparisonRefusal::NoOverlap)
    };
    let grid = (0..POINTS).map(|i| first * (last / first).powf(i as f64 / (POINTS - 1) as f64));
    Comparison {
        multiplier: grid.map(|flops| pair.point(flops, extrapolate)).collect(),
        speedup: Some(pair.point(last, extrapolate)),
        growth: pair.growth(at),
        ..Comparison::of(names, pair.approach(), headline)
    }
}

/// Two arms with a law each.
pub(super) struct Pair<'a> {
    pub(super) base: &'a Made,
    pub(super) other: &'a Made,
    /// Both laws of each replicate, under common weights.
    laws: Vec<Option<(Law, Law)>>,
}

impl<'a> Pair<'a> {
    pub(super) fn of(base: &'a Made, other: &'a Made) -> Self {
        let laws = base
            .laws()
            .zip(other.laws())
            .map(|(base, other)| Some((base?, other?)))
            .collect();
        Self { base, other, laws }
    }

    /// What both are made by.
    pub(super) fn approach(&self) -> Approach {
        self.base.method.approach()
    }

    /// The baseline's compute at the ends of the losses that both arms were measured at.
    fn overlap(&self) -> Option<(f64, f64)> {
        let least = self.base.loss_range.0.max(self.other.loss_range.0);
        let most = self.base.loss_range.1.min(self.other.loss_range.1);
        if least >= most {
            return None;
        }
        Some((self.base.law.flops(most)?, self.base.law.flops(least)?))
    }

    /// The geometric middle of the overlap.
    pub(super) fn middle(&self) -> Option<f64> {
        self.overlap().map(|(low, high)| (low * high).sqrt())
    }

    /// The multiplier at any compute; beyond the overlap it is refused unless `extrapolate`.
    pub(super) fn point(&self, flops: f64, extrapolate: bool) -> MultiplierPoint {
        let status = match self.measures(flops) {
            true => MultiplierStatus::Measured,
            false if extrapolate => MultiplierStatus::Extrapolated,
            false => MultiplierStatus::Refused,
        };
        let estimate = log_multiplier(&self.base.law, &self.other.law, flops)
            .filter(|_| status != MultiplierStatus::Refused);
        let draws = self.draws(|base, other| log_multiplier(base, other, flops));
        let interval = estimate
            .and_then(|value| interval(draws, value, self.widening()))
            .map(exp);
        MultiplierPoint {
            flops,
            loss: self.base.law.loss(flops).unwrap_or(f64::NAN),
            value: estimate.map(f64::exp),
            low: interval.map(|i| i.low),
            high: interval.map(|i| i.high),
            status,
        }
    }

    /// How the multiplier grows at this compute of the baseline.
    pub(super) fn growth(&self, flops: f64) -> Option<Growth> {
        let exponent = growth(&self.base.law, &self.other.law, flops)?;
        let draws: Vec<Option<f64>> = self
            .draws(|base, other| growth(base, other, flops))
            .collect();
        let p_value = p_value(&draws, exponent, self.widening());
        let is_least = p_value.is_some_and(|p| p <= 1.0 / draws.iter().flatten().count() as f64);
        Some(Growth {
            approach: self.approach(),
            exponent,
            interval: interval(draws, exponent, self.widening()),
            p_value,
            is_least,
        })
    }

    /// What each replicate says.
    fn draws(&self, of: impl Fn(&Law, &Law) -> Option<f64>) -> impl Iterator<Item = Option<f64>> {
        let laws = self.laws.iter();
        laws.map(move |laws| laws.as_ref().and_then(|(base, other)| of(base, other)))
    }

    /// Whether a compute lies in the overlap, whose ends must not be pushed out of it by rounding.
    fn measures(&self, flops: f64) -> bool {
        let is_within = |(low, high)| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(&flops);
        self.overlap().is_some_and(is_within)
    }

    fn widening(&self) -> f64 {
        self.base.widening().max(self.other.widening())
    }
}

/// log(C / C_variant) where C_variant reaches the loss that the baseline reaches at C.
pub(super) fn log_multiplier(base: &Law, other: &Law, flops: f64) -> Option<f64> {
    Some(flops.ln() - other.flops(base.loss(flops)?)?.ln())
}

/// dlog(C / C_variant) / dlog C.
fn growth(base: &Law, other: &Law, flops: f64) -> Option<f64> {
    let cost = other.flops(base.loss(flops)?)?;
    Some(1.0 - base.exponent(flops)? / other.exponent(cost)?)
}
