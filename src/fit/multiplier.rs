//! The compute multiplier: C_baseline / C_variant at equal loss, a horizontal gap between two
//! frontiers, as a function of compute and of loss (So et al., arXiv:2109.08668).

use serde::{Deserialize, Serialize};

use super::bootstrap::{Replicate, exp, frontier_widening, interval};
use super::frontier::Line;
use super::{ArmFit, Frontier, Interval};

/// Points on the curve of multipliers.
const POINTS: usize = 25;

/// Two arms compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The arm that costs are ratios to.
    pub baseline: String,
    /// The other.
    pub variant: String,
    /// The multiplier at `headline`'s compute, or why there is none.
    pub headline: Result<MultiplierPoint, ComparisonRefusal>,
    /// The multiplier against compute, cheapest first. Outside the overlap of the two arms' measured
    /// losses a point has no value, unless extrapolation was asked for.
    pub multiplier: Vec<MultiplierPoint>,
    /// Whether the saving grows with compute.
    pub growth: Option<Growth>,
}

/// The multiplier at one compute and the loss that the baseline reaches with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MultiplierStatus {
    /// Both arms were measured at this loss.
    Measured,
    /// Beyond what one of the arms was measured at; given because it was asked for.
    Extrapolated,
    /// The same, and not given.
    Refused,
}

/// The multiplier goes as C^exponent, with exponent = 1 - k_baseline / k_variant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The estimate; zero where the frontiers are parallel, the paper's claim.
    pub exponent: f64,
    /// 95% interval.
    pub interval: Option<Interval>,
}

/// Why two arms cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
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
    #[error("the measured losses of the two arms do not overlap, so no cost at equal loss was measured")]
    NoOverlap,
}

pub(super) fn compare(
    baseline: &str,
    variant: &str,
    arms: &[ArmFit],
    replicates: &[Replicate],
    extrapolate: bool,
) -> Comparison {
    let refused = |reason| Comparison {
        baseline: baseline.to_owned(),
        variant: variant.to_owned(),
        headline: Err(reason),
        multiplier: Vec::new(),
        growth: None,
    };
    let (base, other) = match (arm_frontier(arms, baseline), arm_frontier(arms, variant)) {
        (Ok(base), Ok(other)) => (base, other),
        (Err(reason), _) | (_, Err(reason)) => return refused(reason),
    };
    let pair = Pair { base, other, replicates };
    let overlap = pair.overlap();
    let headline = match overlap {
        Some((low, high)) => Ok(pair.point((low * high).sqrt(), MultiplierStatus::Measured)),
        None => Err(ComparisonRefusal::NoOverlap),
    };
    let (first, last) = base.1.flops_range;
    let status = |flops: f64| match overlap {
        // Rounding must not push the ends of the overlap out of it.
        Some((low, high)) if flops >= low * (1.0 - 1e-9) && flops <= high * (1.0 + 1e-9) => MultiplierStatus::Measured,
        _ if extrapolate => MultiplierStatus::Extrapolated,
        _ => MultiplierStatus::Refused,
    };
    let grid = (0..POINTS).map(|i| first * (last / first).powf(i as f64 / (POINTS - 1) as f64));
    let multiplier = grid.map(|flops| pair.point(flops, status(flops))).collect();
    Comparison {
        baseline: baseline.to_owned(),
        variant: variant.to_owned(),
        headline,
        multiplier,
        growth: Some(pair.growth()),
    }
}

fn arm_frontier<'a>(arms: &'a [ArmFit], name: &str) -> Result<(&'a ArmFit, &'a Frontier), ComparisonRefusal> {
    let missing = |reason: String| ComparisonRefusal::NoFrontier { arm: name.to_owned(), reason };
    let arm = arms.iter().find(|arm| arm.arm == name).ok_or_else(|| missing("it has no finished run".to_owned()))?;
    match &arm.frontier {
        Ok(frontier) => Ok((arm, frontier)),
        Err(reason) => Err(missing(reason.to_string())),
    }
}

/// Two arms with a frontier each.
struct Pair<'a> {
    base: (&'a ArmFit, &'a Frontier),
    other: (&'a ArmFit, &'a Frontier),
    replicates: &'a [Replicate],
}

impl Pair<'_> {
    /// The baseline's compute at the ends of the losses that both arms were measured at.
    fn overlap(&self) -> Option<(f64, f64)> {
        let (base, other) = (self.base.1, self.other.1);
        let least = base.loss_range.0.max(other.loss_range.0);
        let most = base.loss_range.1.min(other.loss_range.1);
        (least < most).then(|| (base.flops(most), base.flops(least)))
    }

    fn point(&self, flops: f64, status: MultiplierStatus) -> MultiplierPoint {
        let line = |f: &Frontier| Line { intercept: f.a.ln(), slope: -f.k };
        let estimate = log_multiplier(&line(self.base.1), &line(self.other.1), flops);
        let given = status != MultiplierStatus::Refused;
        let draws = self.lines().map(|lines| lines.map(|(base, other)| log_multiplier(&base, &other, flops))).collect();
        let interval = interval(draws, estimate, self.widening()).map(exp).filter(|_| given);
        MultiplierPoint {
            flops,
            loss: self.base.1.loss(flops),
            value: given.then(|| estimate.exp()),
            low: interval.map(|i| i.low),
            high: interval.map(|i| i.high),
            status,
        }
    }

    fn growth(&self) -> Growth {
        let exponent = 1.0 - self.base.1.k / self.other.1.k;
        let draws = self.lines().map(|lines| lines.map(|(base, other)| 1.0 - base.slope / other.slope)).collect();
        Growth { exponent, interval: interval(draws, exponent, self.widening()) }
    }

    /// Both loss lines of each replicate, under common weights.
    fn lines(&self) -> impl Iterator<Item = Option<(Line, Line)>> + '_ {
        let of =
            |replicate: &Replicate, arm: &ArmFit| replicate.frontier(&arm.arm, &arm.profiles).map(|(loss, _)| loss);
        self.replicates.iter().map(move |r| Some((of(r, self.base.0)?, of(r, self.other.0)?)))
    }

    fn widening(&self) -> f64 {
        frontier_widening(&self.base.0.profiles).max(frontier_widening(&self.other.0.profiles))
    }
}

/// log(C / C_variant) where C_variant reaches the loss that the baseline reaches at C.
fn log_multiplier(base: &Line, other: &Line, flops: f64) -> f64 {
    let log_loss = base.at(flops.ln());
    flops.ln() - (log_loss - other.intercept) / other.slope
}

impl Comparison {
    /// The comparison in words.
    pub fn verdict(&self) -> String {
        let point = match &self.headline {
            Ok(point) => point,
            Err(reason) => return format!("no multiplier of {} over {}: {reason}", self.variant, self.baseline),
        };
        let value = point.value.unwrap_or(f64::NAN);
        let interval = match (point.low, point.high) {
            (Some(low), Some(high)) => format!("95% interval {low:.2} to {high:.2}"),
            _ => "no interval: too few runs, or too many bootstrap replicates without an optimum".to_owned(),
        };
        let sure = match (point.low, point.high) {
            (Some(low), _) if low > 1.0 => format!("{} needs less compute", self.variant),
            (_, Some(high)) if high < 1.0 => format!("{} needs more compute", self.variant),
            _ => "not told apart from 1".to_owned(),
        };
        format!(
            "{} against {}: compute multiplier {value:.2}x ({interval}) at {:.2e} FLOPs, loss {:.3} nats/token: {sure}; {}",
            self.variant,
            self.baseline,
            point.flops,
            point.loss,
            self.growth_in_words()
        )
    }

    fn growth_in_words(&self) -> String {
        let Some(Growth { exponent, interval: Some(interval) }) = self.growth else {
            return "whether the saving grows is not known".to_owned();
        };
        let range = format!("as C^{exponent:.2}, 95% {:.2} to {:.2}", interval.low, interval.high);
        if interval.low > 0.0 {
            format!("the saving grows with compute ({range})")
        } else if interval.high < 0.0 {
            format!("the saving shrinks with compute ({range})")
        } else {
            format!("no growth of the saving is shown ({range})")
        }
    }
}
