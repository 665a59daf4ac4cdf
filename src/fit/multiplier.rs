//! The compute multiplier: C_baseline / C_variant at equal loss, a horizontal gap between two
//! frontiers, as a function of compute and of loss (So et al., arXiv:2109.08668).

use super::arm_estimate::ArmEstimate;
use super::interval::{exp_interval, interval, p_value};
use super::law::Law;
use super::{Approach, Comparison, ComparisonRefusal, Growth, MultiplierPoint, MultiplierStatus};

/// Number of points on the curve of multipliers.
const POINTS: usize = 25;

/// Compares two arms that each have a law.
pub(super) fn compare(names: [&str; 2], pair: &LawPair<'_>, extrapolate: bool) -> Comparison {
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

/// Two arms, each with a law.
pub(super) struct LawPair<'a> {
    pub(super) base: &'a ArmEstimate,
    pub(super) other: &'a ArmEstimate,
    /// Both laws of each replicate, under common weights.
    laws: Vec<Option<(Law, Law)>>,
}

impl<'a> LawPair<'a> {
    pub(super) fn of(base: &'a ArmEstimate, other: &'a ArmEstimate) -> Self {
        let laws = base
            .laws()
            .zip(other.laws())
            .map(|(base, other)| Some((base?, other?)))
            .collect();
        Self { base, other, laws }
    }

    /// Returns the approach of both estimates.
    pub(super) fn approach(&self) -> Approach {
        self.base.method.approach()
    }

    /// Returns the baseline's compute at the highest and the lowest loss that both arms were
    /// measured at.
    fn overlap(&self) -> Option<(f64, f64)> {
        let least = self.base.loss_range.0.max(self.other.loss_range.0);
        let most = self.base.loss_range.1.min(self.other.loss_range.1);
        if least >= most {
            return None;
        }
        Some((self.base.law.flops(most)?, self.base.law.flops(least)?))
    }

    /// Returns the geometric middle of the overlap.
    pub(super) fn middle(&self) -> Option<f64> {
        self.overlap().map(|(low, high)| (low * high).sqrt())
    }

    /// Returns the multiplier at any compute of the baseline. Beyond the overlap it is refused
    /// unless `extrapolate`.
    pub(super) fn point(&self, flops: f64, extrapolate: bool) -> MultiplierPoint {
        let status = match self.is_measured(flops) {
            true => MultiplierStatus::Measured,
            false if extrapolate => MultiplierStatus::Extrapolated,
            false => MultiplierStatus::Refused,
        };
        let estimate = log_multiplier(&self.base.law, &self.other.law, flops)
            .filter(|_| status != MultiplierStatus::Refused);
        let draws = self.draws(|base, other| log_multiplier(base, other, flops));
        let interval = estimate
            .and_then(|value| interval(draws, value, self.widening()))
            .map(exp_interval);
        MultiplierPoint {
            flops,
            loss: self.base.law.loss(flops).unwrap_or(f64::NAN),
            value: estimate.map(f64::exp),
            low: interval.map(|i| i.low),
            high: interval.map(|i| i.high),
            status,
        }
    }

    /// Returns the growth of the multiplier at this compute of the baseline.
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
            is_upper_bound: is_least,
        })
    }

    /// Evaluates a function of both laws in each replicate.
    fn draws(&self, of: impl Fn(&Law, &Law) -> Option<f64>) -> impl Iterator<Item = Option<f64>> {
        let laws = self.laws.iter();
        laws.map(move |laws| laws.as_ref().and_then(|(base, other)| of(base, other)))
    }

    /// Reports whether a compute is in the overlap. The tolerance keeps the ends inside despite
    /// rounding.
    fn is_measured(&self, flops: f64) -> bool {
        let is_within = |(low, high)| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(&flops);
        self.overlap().is_some_and(is_within)
    }

    fn widening(&self) -> f64 {
        self.base.widening().max(self.other.widening())
    }
}

/// Returns log(C / C_variant), where C_variant reaches the loss that the baseline reaches at C.
pub(super) fn log_multiplier(base: &Law, other: &Law, flops: f64) -> Option<f64> {
    Some(flops.ln() - other.flops(base.loss(flops)?)?.ln())
}

/// Returns dlog(C / C_variant) / dlog C.
fn growth(base: &Law, other: &Law, flops: f64) -> Option<f64> {
    let cost = other.flops(base.loss(flops)?)?;
    Some(1.0 - base.exponent(flops)? / other.exponent(cost)?)
}
