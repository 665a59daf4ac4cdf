//! Warnings about the fits of a study.

use std::fmt::{self, Display, Formatter};

use serde::{Serialize, Serializer};

use super::surface::{SurfaceParameter, SurfaceStatus, symbols};
use super::{Approach, ArmFit, ArmSurface, Comparison, Growth, Trend};

/// Multiplier, or its inverse, beyond which wrong units are a likelier cause than an architecture.
const MAX_PLAUSIBLE: f64 = 100.0;

/// Reason to doubt a number. It is serialized as its message.
#[derive(Clone, Debug, PartialEq)]
pub enum FitWarning {
    /// A multiplier for which wrong units are a likelier cause than an architecture.
    Implausible {
        /// Name of the variant.
        variant: String,
        /// Compute multiplier.
        value: f64,
    },
    /// Profiles and surface disagree: the interval of each excludes the multiplier of the other.
    ApproachesDisagree {
        /// Name of the variant.
        variant: String,
    },
    /// The residuals of a surface correlate with N, D or C.
    Trend {
        /// Arm of the surface.
        arm: String,
        /// Correlation with one of them.
        trend: Trend,
    },
    /// Parameters of a surface are at their bound of 0.
    AtBound {
        /// Arm of the surface.
        arm: String,
        /// Parameters at 0.
        parameters: Vec<SurfaceParameter>,
    },
    /// The interval of E reaches its bound of 0.
    NearBound {
        /// Arm of the surface.
        arm: String,
    },
    /// The growth is from power laws without E.
    GrowthWithoutIrreducibleLoss,
}

impl FitWarning {
    /// Reports whether the warning is about these runs, rather than a limit of the method.
    pub fn is_about_runs(&self) -> bool {
        !matches!(
            self,
            Self::NearBound { .. } | Self::GrowthWithoutIrreducibleLoss
        )
    }
}

impl Display for FitWarning {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Implausible { variant, value } => write!(
                to,
                "a compute multiplier of {value:.1e} is implausible for an architecture: check that parameters, tokens and \
                 losses of `{variant}` have the same units as those of the baseline, and that both arms were evaluated on \
                 the same text"
            ),
            Self::ApproachesDisagree { variant } => write!(
                to,
                "profiles and surface disagree on the compute multiplier of `{variant}`: the interval of each excludes the \
                 value of the other. Parabolas are biased on wide grids if α ≠ β (arXiv:2603.22339), and a surface is \
                 biased if it does not fit the runs: check the residuals before using either"
            ),
            Self::Trend { arm, trend } => write!(
                to,
                "residuals of the surface of `{arm}` correlate with {} (rank correlation {:.2}, p = {:.1e}): the functional \
                 form of the surface may be wrong",
                trend.against, trend.correlation, trend.p_value
            ),
            Self::AtBound { arm, parameters } => {
                let symbols = symbols(parameters);
                write!(to, "the surface of `{arm}` has {symbols} at the lower bound of 0: these runs do not identify {symbols}")
            }
            Self::NearBound { arm } => write!(
                to,
                "E of `{arm}` may be 0, its lower bound: the 95% intervals of the exponents are then too narrow (85 to 92% \
                 coverage in simulated studies)"
            ),
            Self::GrowthWithoutIrreducibleLoss => to.write_str(
                "growth is estimated from power laws without an irreducible loss, the form of So et al. (arXiv:2109.08668). If \
                 there is an irreducible loss, the interval of the growth usually misses the true value: use `--approach surface`, \
                 which fits E",
            ),
        }
    }
}

impl Serialize for FitWarning {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Collects the warnings about a study's fits, those about its runs first.
pub(super) fn warnings(arms: &[ArmFit], comparisons: &[Comparison]) -> Vec<FitWarning> {
    let disagree = comparisons.iter().filter(|c| c.approaches_disagree());
    let disagree = disagree.map(|c| FitWarning::ApproachesDisagree {
        variant: c.variant.clone(),
    });
    let near = |arm: &&ArmFit| arm.surface.as_ref().is_ok_and(ArmSurface::is_near_bound);
    let near = arms.iter().filter(near).map(|arm| FitWarning::NearBound {
        arm: arm.arm.clone(),
    });
    let is_told = |growth: &Growth| growth.interval.is_some();
    let has_no_floor = |c: &Comparison| {
        let growth = c.growth.filter(|_| c.headline.is_ok()).filter(is_told);
        growth.is_some_and(|growth| growth.approach != Approach::Surface)
    };
    let has_no_floor = comparisons.iter().any(has_no_floor);
    let implausible = comparisons.iter().filter_map(implausible);
    implausible
        .chain(disagree)
        .chain(arms.iter().flat_map(|arm| trends(arm).chain(at_bound(arm))))
        .chain(near)
        .chain(has_no_floor.then_some(FitWarning::GrowthWithoutIrreducibleLoss))
        .collect()
}

fn implausible(comparison: &Comparison) -> Option<FitWarning> {
    let value = comparison.headline.as_ref().ok()?.value?;
    let is_known = (1.0 / MAX_PLAUSIBLE..=MAX_PLAUSIBLE).contains(&value);
    (!is_known).then(|| FitWarning::Implausible {
        variant: comparison.variant.clone(),
        value,
    })
}

fn trends(arm: &ArmFit) -> impl Iterator<Item = FitWarning> {
    let trends = arm.diagnosis.iter().flat_map(|found| &found.trends);
    let suspect = trends.filter(|trend| trend.is_significant());
    suspect.map(|trend| FitWarning::Trend {
        arm: arm.arm.clone(),
        trend: trend.clone(),
    })
}

fn at_bound(arm: &ArmFit) -> Option<FitWarning> {
    let SurfaceStatus::AtBound { parameters } = &arm.surface.as_ref().ok()?.status else {
        return None;
    };
    Some(FitWarning::AtBound {
        arm: arm.arm.clone(),
        parameters: parameters.clone(),
    })
}
