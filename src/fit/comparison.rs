//! Two arms compared, and the comparison in words.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Approach, Cost, Interval};

/// Two arms compared.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// The arm that costs are ratios to.
    pub baseline: String,
    /// The other.
    pub variant: String,
    /// What it is made by.
    pub approach: Approach,
    /// The multiplier at `headline`'s compute, or why there is none.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::Answer<MultiplierPoint>")]
    pub headline: Result<MultiplierPoint, ComparisonRefusal>,
    /// The multiplier against compute, cheapest first. Outside the overlap of the two arms' measured
    /// losses a point has no value, unless extrapolation was asked for.
    pub multiplier: Vec<MultiplierPoint>,
    /// The speedup factor of So et al.: the baseline's cost over what the variant needs for the loss that the baseline
    /// reaches with its largest budget.
    pub speedup: Option<MultiplierPoint>,
    /// Whether the saving grows with compute.
    pub growth: Option<Growth>,
    /// What the other approaches say at the headline's compute, this one among them.
    pub approaches: Vec<ByApproach>,
    /// What other choices come to at the headline's loss.
    pub alternatives: Vec<Alternative>,
    /// The runs without which the headline changes most.
    pub influence: Vec<Influence>,
}

/// The multiplier at one compute and the loss that the baseline reaches with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MultiplierPoint {
    /// The baseline's compute, FLOPs.
    pub flops: f64,
    /// The loss it reaches there, nats/token.
    pub loss: f64,
    /// C_baseline / C_variant at that loss.
    pub value: Option<f64>,
    /// 2.5% quantile.
    pub low: Option<f64>,
    /// 97.5% quantile.
    pub high: Option<f64>,
    /// How far it can be trusted.
    pub status: MultiplierStatus,
}

/// How far a multiplier can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MultiplierStatus {
    /// Both arms were measured at this loss.
    Measured,
    /// Beyond what one of the arms was measured at; given because it was asked for.
    Extrapolated,
    /// The same, and not given.
    Refused,
}

/// The multiplier goes as C^exponent: 1 - k_baseline / k_variant where both frontiers are power laws, and the slope at the
/// headline's compute where they are not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Growth {
    /// What it is told by: the surfaces where both arms have one, unless another approach was asked for. Power laws
    /// through optima have no E, and where there is one they bend: parallel frontiers then look as if they were not.
    pub approach: Approach,
    /// The estimate; zero where the frontiers are parallel, the paper's claim.
    pub exponent: f64,
    /// 95% interval.
    pub interval: Option<Interval>,
    /// Two-sided p of the exponent being 0, that is, of parallel frontiers; at least one replicate's share.
    pub p_value: Option<f64>,
    /// Whether p is that least share, and may be anything below.
    #[serde(skip)]
    pub is_least: bool,
}

/// Why two arms cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonRefusal {
    /// One of them has no frontier.
    #[error("`{arm}` has no frontier: {reason}")]
    NoFrontier {
        /// The arm.
        arm: String,
        /// Why.
        reason: String,
    },
    /// No loss was measured in both.
    #[error(
        "the measured losses of the two arms do not overlap, so no cost at equal loss was measured"
    )]
    NoOverlap,
}

/// The multiplier at the headline's compute by one approach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ByApproach {
    /// The approach.
    pub approach: Approach,
    /// What it says.
    #[serde(flatten)]
    pub point: MultiplierPoint,
}

/// The multiplier at the headline's loss where a choice is made otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Alternative {
    /// The choice, in words.
    pub choice: String,
    /// The multiplier; absent where this choice gives none.
    pub value: Option<f64>,
}

/// The multiplier at the headline's compute without one run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Influence {
    /// The run that is left out.
    pub run: String,
    /// The multiplier without it.
    pub value: f64,
}

impl Influence {
    /// The run's name alone: its identity, which stands behind it in brackets, is for `isoflop logs`.
    pub fn name(&self) -> &str {
        self.run.split(" (").next().unwrap_or(&self.run)
    }
}

impl MultiplierPoint {
    /// Its 95% interval.
    pub fn interval(&self) -> Option<Interval> {
        let ends = self.low.zip(self.high);
        ends.map(|(low, high)| Interval { low, high })
    }

    /// What is said beside it where it is extrapolated.
    pub fn beyond(&self) -> &'static str {
        match self.status {
            MultiplierStatus::Extrapolated => ", extrapolated",
            MultiplierStatus::Measured | MultiplierStatus::Refused => "",
        }
    }
}

impl Comparison {
    /// A headline, and nothing beside it yet.
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

    /// Whether its multiplier has an interval where both arms were measured.
    pub(super) fn is_sure(&self) -> bool {
        self.headline
            .as_ref()
            .is_ok_and(|point| point.status == MultiplierStatus::Measured && point.low.is_some())
    }

    /// The comparison in words; costs are in the unit of `cost`.
    pub fn verdict(&self, cost: Cost) -> String {
        let point = match &self.headline {
            Ok(point) => point,
            Err(reason) => {
                return format!(
                    "no multiplier of {} over {}: {reason}",
                    self.variant, self.baseline
                );
            }
        };
        let value = point.value.unwrap_or(f64::NAN);
        let sure = match point.interval() {
            Some(i) if i.low > 1.0 => format!("{} needs less {}", self.variant, cost.noun()),
            Some(i) if i.high < 1.0 => format!("{} needs more {}", self.variant, cost.noun()),
            Some(_) => "not told apart from 1".to_owned(),
            None => "whether that differs from 1 is not known".to_owned(),
        };
        let by = match self.approach {
            Approach::Profiles => String::new(),
            other => format!(" by {}", other.name()),
        };
        let beyond = match point.status {
            MultiplierStatus::Measured => "",
            MultiplierStatus::Extrapolated | MultiplierStatus::Refused => {
                ", extrapolated beyond what was measured"
            }
        };
        format!(
            "{} against {}{by}: compute multiplier {value:.2}x ({}) at {:.2e} {}, loss {:.3} nats/token{beyond}: \
             {sure}; {}",
            self.variant,
            self.baseline,
            self.interval_in_words(point),
            point.flops,
            cost.unit(),
            point.loss,
            self.growth_in_words(cost)
        )
    }

    fn interval_in_words(&self, point: &MultiplierPoint) -> String {
        match point.interval() {
            Some(interval) => format!("95% interval {}", interval.words(two_digits)),
            None if self.approach == Approach::Envelope => {
                "no interval: those of an envelope do not hold".to_owned()
            }
            None => {
                "no interval: too few runs, or too many bootstrap replicates without an optimum"
                    .to_owned()
            }
        }
    }

    fn growth_in_words(&self, cost: Cost) -> String {
        let Some(Growth {
            approach,
            exponent,
            interval: Some(interval),
            p_value,
            is_least,
        }) = self.growth
        else {
            return format!("whether it grows with {} is not known", cost.noun());
        };
        let p = p_value.map_or_else(String::new, |p| format!(", {}", p_words(p, is_least)));
        let by = if approach == self.approach {
            String::new()
        } else {
            format!("by {}: ", approach.name())
        };
        let range = format!(
            "{by}as C^{exponent:.2}, 95% {}{p}",
            interval.words(two_digits)
        );
        if interval.low > 0.0 {
            format!("the multiplier grows with {} ({range})", cost.noun())
        } else if interval.high < 0.0 {
            format!("the multiplier shrinks with {} ({range})", cost.noun())
        } else {
            format!("no growth of the multiplier is shown ({range})")
        }
    }

    /// Whether profiles and surface, which rest on different assumptions, exclude each other's value.
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

/// `p = 0.030`; what p is below, where it is below a thousandth or the share of one replicate.
fn p_words(p: f64, is_least: bool) -> String {
    match p {
        p if p < 0.001 => "p below 0.001".to_owned(),
        p if is_least => format!("p below {p:.3}"),
        p => format!("p = {p:.3}"),
    }
}
