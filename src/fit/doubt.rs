//! What a reader must know before the numbers are used.

use std::fmt::{self, Display, Formatter};

use serde::{Serialize, Serializer};

use super::surface::{Parameter, SurfaceStatus, symbols};
use super::{Approach, ArmFit, ArmSurface, Comparison, Growth, Trend};

/// Multiplier, or its inverse, beyond which units are a likelier reason than an architecture.
const FARTHEST: f64 = 100.0;

/// A reason to look again before a number is used. In JSON it is its sentence.
#[derive(Clone, Debug, PartialEq)]
pub enum Doubt {
    /// A multiplier that other units are a likelier reason for than another architecture.
    Implausible {
        /// Of this arm over the baseline.
        variant: String,
        /// The multiplier.
        value: f64,
    },
    /// Profiles and surface exclude each other's multiplier.
    ApproachesDisagree {
        /// Of this arm over the baseline.
        variant: String,
    },
    /// The residuals of a surface go with something that they should not go with.
    Trend {
        /// Whose surface.
        arm: String,
        /// With what, and how surely.
        trend: Trend,
    },
    /// Parameters of a surface stand at their bound of 0.
    AtBound {
        /// Whose surface.
        arm: String,
        /// Which of them.
        parameters: Vec<Parameter>,
    },
    /// The interval of E reaches its bound of 0.
    NearBound {
        /// Whose surface.
        arm: String,
    },
    /// How the saving grows is told by power laws that have no E.
    GrowthWithoutFloor,
}

impl Doubt {
    /// Whether the numbers of these runs are in doubt, rather than what the method may claim for any runs.
    pub fn is_of_these_runs(&self) -> bool {
        !matches!(self, Self::NearBound { .. } | Self::GrowthWithoutFloor)
    }
}

impl Display for Doubt {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Implausible { variant, value } => write!(
                to,
                "a multiplier of {value:.1e} is hardly an architecture's: check that parameters, tokens and losses of \
                 `{variant}` are in the units of the baseline's, and that both were evaluated on the same text"
            ),
            Self::ApproachesDisagree { variant } => write!(
                to,
                "profiles and surface exclude each other's multiplier of `{variant}`: parabolas are biased on wide grids \
                 where α ≠ β (arXiv:2603.22339), and a surface is where it does not fit; look at the residuals before \
                 using either"
            ),
            Self::Trend { arm, trend } => write!(
                to,
                "residuals of the surface of `{arm}` go with {} (rank correlation {:.2}, p = {:.1e}): its form misses \
                 something",
                trend.against, trend.correlation, trend.p_value
            ),
            Self::AtBound { arm, parameters } => {
                let symbols = symbols(parameters);
                write!(to, "the surface of `{arm}` has {symbols} at its bound of 0: these runs do not identify it")
            }
            Self::NearBound { arm } => write!(
                to,
                "E of `{arm}` may be 0: its exponents' intervals are then too narrow, and held the truth in 85 to 92% of \
                 simulated studies"
            ),
            Self::GrowthWithoutFloor => to.write_str(
                "the growth of the saving is that of power laws without an irreducible loss, So et al.'s form (arXiv:2109.08668); \
                 where there is one, its interval does not hold the truth: `--approach surface` has E free",
            ),
        }
    }
}

impl Serialize for Doubt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// The doubts about a study's fits, those about its runs first.
pub(super) fn doubts(arms: &[ArmFit], comparisons: &[Comparison]) -> Vec<Doubt> {
    let disagree = comparisons.iter().filter(|c| c.approaches_disagree());
    let disagree = disagree.map(|c| Doubt::ApproachesDisagree {
        variant: c.variant.clone(),
    });
    let near = |arm: &&ArmFit| arm.surface.as_ref().is_ok_and(ArmSurface::is_near_bound);
    let near = arms.iter().filter(near).map(|arm| Doubt::NearBound {
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
        .chain(has_no_floor.then_some(Doubt::GrowthWithoutFloor))
        .collect()
}

fn implausible(comparison: &Comparison) -> Option<Doubt> {
    let value = comparison.headline.as_ref().ok()?.value?;
    let is_known = (1.0 / FARTHEST..=FARTHEST).contains(&value);
    (!is_known).then(|| Doubt::Implausible {
        variant: comparison.variant.clone(),
        value,
    })
}

fn trends(arm: &ArmFit) -> impl Iterator<Item = Doubt> {
    let trends = arm.diagnosis.iter().flat_map(|found| &found.trends);
    let suspect = trends.filter(|trend| trend.is_suspect());
    suspect.map(|trend| Doubt::Trend {
        arm: arm.arm.clone(),
        trend: trend.clone(),
    })
}

fn at_bound(arm: &ArmFit) -> Option<Doubt> {
    let SurfaceStatus::AtBound { parameters } = &arm.surface.as_ref().ok()?.status else {
        return None;
    };
    Some(Doubt::AtBound {
        arm: arm.arm.clone(),
        parameters: parameters.clone(),
    })
}
