//! Comparison of two arms, and its verdict sentence.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Approach, CostAxis, Interval};

/// Comparison of a variant with the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Name of the baseline.
    pub baseline: String,
    /// Name of the variant.
    pub variant: String,
    /// Approach of the headline.
    pub approach: Approach,
    /// Compute multiplier in the middle of the losses that both arms reached, or the reason that it
    /// is missing.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::FitAnswer<MultiplierPoint>")]
    pub headline: Result<MultiplierPoint, ComparisonRefusal>,
    /// Compute multiplier against compute, cheapest first; without a value outside the losses
    /// measured in both arms, unless extrapolation was requested.
    pub multiplier: Vec<MultiplierPoint>,
    /// Speedup factor of So et al.: the cost of the baseline over the cost of the variant, for the
    /// loss that the baseline reaches with its largest budget.
    pub speedup: Option<MultiplierPoint>,
    /// Growth of the multiplier with compute.
    pub growth: Option<Growth>,
    /// Multipliers at the headline's compute by every approach, the headline's included.
    pub approaches: Vec<ApproachMultiplier>,
    /// Multipliers at the headline's loss under other choices.
    pub alternatives: Vec<MultiplierAlternative>,
    /// Runs whose omission changes the headline most.
    pub influence: Vec<Influence>,
}

/// Compute multiplier at one compute of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MultiplierPoint {
    /// Compute of the baseline, FLOPs.
    pub flops: f64,
    /// Loss of the baseline at this compute, nats/token.
    pub loss: f64,
    /// C_baseline / C_variant at this loss.
    pub value: Option<f64>,
    /// Lower end of the 95% interval, the 2.5% quantile.
    pub low: Option<f64>,
    /// Upper end of the 95% interval, the 97.5% quantile.
    pub high: Option<f64>,
    /// Status: measured, extrapolated or refused.
    pub status: MultiplierStatus,
}

/// Relation of a multiplier to the measured losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MultiplierStatus {
    /// Loss measured in both arms.
    Measured,
    /// Loss outside the range of one of the arms; value given on request.
    Extrapolated,
    /// Loss outside the range of one of the arms; no value.
    Refused,
}

/// Growth of the multiplier, which is proportional to C^exponent: 1 - k_baseline / k_variant if
/// both frontiers are power laws, otherwise the slope at the headline's compute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Growth {
    /// Approach that gives the exponent: surfaces if both arms have one, unless another was
    /// requested.
    // Power laws through optima have no E. If the data have one, parallel frontiers do not look
    // parallel.
    pub approach: Approach,
    /// Estimate of the exponent; 0 for parallel frontiers, as So et al. claim.
    pub exponent: f64,
    /// 95% interval of the exponent.
    pub interval: Option<Interval>,
    /// Two-sided p-value of an exponent of 0 (parallel frontiers); at least the share of one
    /// replicate.
    pub p_value: Option<f64>,
    /// True if the p-value is that least share, which is then an upper bound.
    #[serde(skip)]
    pub is_upper_bound: bool,
}

/// Reason that two arms cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonRefusal {
    /// One of the arms has no frontier.
    #[error("`{arm}` has no frontier: {reason}")]
    NoFrontier {
        /// Name of the arm.
        arm: String,
        /// Reason that it has none.
        reason: String,
    },
    /// The arms have no measured loss in common.
    #[error(
        "the measured losses of the two arms do not overlap, so their costs at equal loss are unknown: use \
         `--extrapolate` to compare beyond the measured losses"
    )]
    NoOverlap,
}

/// Compute multiplier at the headline's compute by one approach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ApproachMultiplier {
    /// Approach.
    pub approach: Approach,
    /// Compute multiplier.
    #[serde(flatten)]
    pub point: MultiplierPoint,
}

/// Compute multiplier at the headline's loss under another choice.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MultiplierAlternative {
    /// Description of the choice.
    pub choice: String,
    /// Compute multiplier; absent if this choice gives none.
    pub value: Option<f64>,
}

/// Compute multiplier at the headline's compute without one run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Influence {
    /// Name of the omitted run.
    pub run: String,
    /// Compute multiplier without this run.
    pub value: f64,
}

impl Influence {
    /// Returns the name of the run, without the identity in brackets that `isoflop logs` needs.
    pub fn name(&self) -> &str {
        self.run.split(" (").next().unwrap_or(&self.run)
    }
}

impl MultiplierPoint {
    /// Returns the 95% interval.
    pub fn interval(&self) -> Option<Interval> {
        let ends = self.low.zip(self.high);
        ends.map(|(low, high)| Interval { low, high })
    }

    /// Returns the suffix that marks an extrapolated value.
    pub fn extrapolation_suffix(&self) -> &'static str {
        match self.status {
            MultiplierStatus::Extrapolated => ", extrapolated",
            MultiplierStatus::Measured | MultiplierStatus::Refused => "",
        }
    }
}

impl Comparison {
    /// Creates a comparison that has only a headline.
    pub(super) fn of(
        [baseline, variant]: [&str; 2],
        approach: Approach,
        headline: Result<MultiplierPoint, ComparisonRefusal>,
    ) -> Self {
        Self {
            baseline: baseline.to_owned(),
            variant: variant.to_owned(),
            approach,
            headline,
            multiplier: Vec::new(),
            speedup: None,
            growth: None,
            approaches: Vec::new(),
            alternatives: Vec::new(),
            influence: Vec::new(),
        }
    }

    /// Reports whether the headline has an interval and its loss was measured in both arms.
    pub(super) fn has_measured_interval(&self) -> bool {
        self.headline
            .as_ref()
            .is_ok_and(|point| point.status == MultiplierStatus::Measured && point.low.is_some())
    }

    /// Returns the comparison as a sentence, with costs in the unit of `cost`.
    pub fn verdict(&self, cost: CostAxis) -> String {
        let point = match &self.headline {
            Ok(point) => point,
            Err(reason) => {
                return format!(
                    "no compute multiplier for {} against {}: {reason}",
                    self.variant, self.baseline
                );
            }
        };
        let value = point.value.unwrap_or(f64::NAN);
        let sure = match point.interval() {
            Some(i) if i.low > 1.0 => format!("{} needs less {}", self.variant, cost.noun()),
            Some(i) if i.high < 1.0 => format!("{} needs more {}", self.variant, cost.noun()),
            Some(_) => "the arms are statistically indistinguishable".to_owned(),
            None => "significance unknown".to_owned(),
        };
        let by = match self.approach {
            Approach::Profiles => String::new(),
            other => format!(" by {}", other.name()),
        };
        let beyond = match point.status {
            MultiplierStatus::Measured => "",
            MultiplierStatus::Extrapolated | MultiplierStatus::Refused => {
                ", extrapolated beyond the measured losses"
            }
        };
        format!(
            "{} against {}{by}: compute multiplier {value:.2}x ({}) at {:.2e} {}, loss {:.3} nats/token{beyond}: \
             {sure}; {}",
            self.variant,
            self.baseline,
            self.interval_text(point),
            point.flops,
            cost.unit(),
            point.loss,
            self.growth_text(cost)
        )
    }

    fn interval_text(&self, point: &MultiplierPoint) -> String {
        match point.interval() {
            Some(interval) => format!("95% interval {}", interval.formatted(two_digits)),
            None if self.approach == Approach::Envelope => {
                "no interval: the bootstrap is not valid for an envelope".to_owned()
            }
            None => {
                "no interval: too few runs, or too many bootstrap replicates without an optimum"
                    .to_owned()
            }
        }
    }

    fn growth_text(&self, cost: CostAxis) -> String {
        let Some(Growth {
            approach,
            exponent,
            interval: Some(interval),
            p_value,
            is_upper_bound: is_least,
        }) = self.growth
        else {
            return format!("growth with {} unknown", cost.noun());
        };
        let p = p_value.map_or_else(String::new, |p| format!(", {}", p_text(p, is_least)));
        let by = if approach == self.approach {
            String::new()
        } else {
            format!("by {}: ", approach.name())
        };
        let range = format!(
            "{by}as C^{exponent:.2}, 95% interval {}{p}",
            interval.formatted(two_digits)
        );
        if interval.low > 0.0 {
            format!("the multiplier grows with {} ({range})", cost.noun())
        } else if interval.high < 0.0 {
            format!("the multiplier shrinks with {} ({range})", cost.noun())
        } else {
            format!("growth with {} is not significant ({range})", cost.noun())
        }
    }

    /// Reports whether profiles and surface disagree: each interval excludes the value of the
    /// other. The two approaches rest on different assumptions.
    pub fn approaches_disagree(&self) -> bool {
        let of = |approach| {
            self.approaches
                .iter()
                .find(|by| by.approach == approach)
                .map(|by| &by.point)
        };
        let excludes = |one: &MultiplierPoint, other: &MultiplierPoint| {
            let both = one.interval().zip(other.value);
            both.is_some_and(|(i, value)| !(i.low..=i.high).contains(&value))
        };
        let both = of(Approach::Profiles).zip(of(Approach::Surface));
        both.is_some_and(|(one, other)| excludes(one, other) && excludes(other, one))
    }
}

fn two_digits(value: f64) -> String {
    format!("{value:.2}")
}

/// Formats a p-value as `p = 0.030`, or as a bound: `p < 0.001`, or `p <` the share of one
/// replicate.
fn p_text(p: f64, is_least: bool) -> String {
    match p {
        p if p < 0.001 => "p < 0.001".to_owned(),
        p if is_least => format!("p < {p:.3}"),
        p => format!("p = {p:.3}"),
    }
}
