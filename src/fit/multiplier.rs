//! The compute multiplier: C_baseline / C_variant at equal loss, a horizontal gap between two
//! frontiers, as a function of compute and of loss (So et al., arXiv:2109.08668).

use super::interval::{exp, interval, p_value};
use super::law::Law;
use super::made::Made;
use super::{Approach, Comparison, ComparisonRefusal, Growth, MultiplierPoint, MultiplierStatus};

/// Points on the curve of multipliers.
const POINTS: usize = 25;

/// Compares two arms that have a law each.
pub(super) fn compare(
    [baseline, variant]: [&str; 2],
    pair: &Pair<'_>,
    extrapolate: bool,
) -> Comparison {
    let overlap = pair.overlap();
    let (first, last) = pair.base.flops_range;
    let headline = match overlap {
        Some((low, high)) => Ok(pair.point((low * high).sqrt(), MultiplierStatus::Measured)),
        None if extrapolate => {
            Ok(pair.point((first * last).sqrt(), MultiplierStatus::Extrapolated))
        }
        None => Err(ComparisonRefusal::NoOverlap),
    };
    let status = |flops: f64| match is_within(overlap, flops) {
        true => MultiplierStatus::Measured,
        false if extrapolate => MultiplierStatus::Extrapolated,
        false => MultiplierStatus::Refused,
    };
    let grid = (0..POINTS).map(|i| first * (last / first).powf(i as f64 / (POINTS - 1) as f64));
    let at = headline
        .as_ref()
        .map_or((first * last).sqrt(), |point| point.flops);
    Comparison {
        baseline: baseline.to_owned(),
        variant: variant.to_owned(),
        approach: pair.approach(),
        multiplier: grid.map(|flops| pair.point(flops, status(flops))).collect(),
        speedup: Some(pair.point(last, status(last))),
        growth: pair.growth(at),
        headline,
        approaches: Vec::new(),
        alternatives: Vec::new(),
        influence: Vec::new(),
    }
}

/// A comparison that there is not.
pub(super) fn refused(
    baseline: &str,
    variant: &str,
    approach: Approach,
    reason: ComparisonRefusal,
) -> Comparison {
    Comparison {
        baseline: baseline.to_owned(),
        variant: variant.to_owned(),
        approach,
        headline: Err(reason),
        multiplier: Vec::new(),
        speedup: None,
        growth: None,
        approaches: Vec::new(),
        alternatives: Vec::new(),
        influence: Vec::new(),
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
    pub(super) fn overlap(&self) -> Option<(f64, f64)> {
        let least = self.base.loss_range.0.max(self.other.loss_range.0);
        let most = self.base.loss_range.1.min(self.other.loss_range.1);
        if least >= most {
            return None;
        }
        Some((self.base.law.flops(most)?, self.base.law.flops(least)?))
    }

    /// The multiplier at any compute, marked as extrapolated beyond the overlap.
    pub(super) fn anywhere(&self, flops: f64) -> MultiplierPoint {
        let is_measured = is_within(self.overlap(), flops);
        self.point(
            flops,
            if is_measured {
                MultiplierStatus::Measured
            } else {
                MultiplierStatus::Extrapolated
            },
        )
    }

    fn point(&self, flops: f64, status: MultiplierStatus) -> MultiplierPoint {
        let estimate = log_multiplier(&self.base.law, &self.other.law, flops);
        let given = status != MultiplierStatus::Refused;
        let draw = |laws: &Option<(Law, Law)>| {
            laws.as_ref()
                .and_then(|(base, other)| log_multiplier(base, other, flops))
        };
        let draws = if given {
            self.laws.iter().map(draw).collect()
        } else {
            Vec::new()
        };
        let interval = estimate
            .and_then(|value| interval(draws, value, self.widening()))
            .map(exp);
        MultiplierPoint {
            flops,
            loss: self.base.law.loss(flops).unwrap_or(f64::NAN),
            value: estimate.filter(|_| given).map(f64::exp),
            low: interval.map(|i| i.low),
            high: interval.map(|i| i.high),
            status,
        }
    }

    /// How the multiplier grows at this compute of the baseline.
    pub(super) fn growth(&self, flops: f64) -> Option<Growth> {
        let exponent = growth(&self.base.law, &self.other.law, flops)?;
        let draw = |laws: &Option<(Law, Law)>| {
            laws.as_ref()
                .and_then(|(base, other)| growth(base, other, flops))
        };
        let draws: Vec<Option<f64>> = self.laws.iter().map(draw).collect();
        let p_value = p_value(&draws, exponent, self.widening());
        let approach = self.approach();
        let is_least = p_value.is_some_and(|p| p <= 1.0 / draws.iter().flatten().count() as f64);
        Some(Growth {
            approach,
            exponent,
            interval: interval(draws, exponent, self.widening()),
            p_value,
            is_least,
        })
    }

    fn widening(&self) -> f64 {
        self.base.widening().max(self.other.widening())
    }
}

/// Whether a compute lies in an overlap, whose ends must not be pushed out of it by rounding.
fn is_within(overlap: Option<(f64, f64)>, flops: f64) -> bool {
    overlap.is_some_and(|(low, high)| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(&flops))
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
