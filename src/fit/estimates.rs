//! Estimates of all arms of a study, by every approach.

use super::arm::{self, PreparedArm};
use super::arm_estimate::{self, ArmEstimate};
use super::method::Replicate;
use super::resample::WeightGroups;
use super::{FitSettings, Study};

/// An arm with its estimates by every approach.
pub(super) struct ArmEstimates<'a> {
    pub(super) prepared: PreparedArm<'a>,
    pub(super) estimates: Vec<ArmEstimate>,
    /// Replicates of the parabolas. Profiles have intervals from them even if the arm has no
    /// frontier.
    pub(super) profile_replicates: Vec<Option<Replicate>>,
}

/// Largest product of runs and replicates. A hundred thousand runs do not need thousands of
/// replicates.
const MAX_DRAWS: usize = 10_000_000;

/// Returns the number of replicates to draw: the requested one, or fewer for very many runs.
pub(super) fn replicates(study: &Study, settings: &FitSettings) -> u32 {
    let most = MAX_DRAWS / study.observations.len().max(1);
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    settings.replicates.min(most.max(MIN_REPLICATES))
}

/// Returns a note if fewer replicates were drawn than requested.
pub fn fewer_replicates(drawn: u32, asked: u32) -> Option<String> {
    (drawn < asked).then(|| {
        format!(
            "{drawn} bootstrap replicates instead of {asked}: the study has too many runs for more"
        )
    })
}

/// Fewest replicates for any number of runs. With 200, the ends of a 95% interval are the 5th
/// values from either end.
const MIN_REPLICATES: u32 = 200;

/// Fits every arm of a study. All arms share the weights of each replicate.
pub(super) fn fit_arms<'a>(study: &'a Study, settings: &FitSettings) -> Vec<ArmEstimates<'a>> {
    let arms = study.arms();
    let prepared = arms.iter().map(|arm| arm::prepare(study, arm, settings));
    let prepared: Vec<PreparedArm<'_>> = prepared.collect();
    let methods: Vec<_> = prepared.iter().flat_map(|arm| &arm.methods).collect();
    let cells = WeightGroups::of(&study.observations);
    let draws =
        arm_estimate::draw_replicates(&methods, &cells, settings.seed, replicates(study, settings));
    let mut draws = draws.into_iter();
    let carry_out = |arm: PreparedArm<'a>| {
        let own: Vec<_> = draws.by_ref().take(arm.methods.len()).collect();
        ArmEstimates {
            profile_replicates: own.first().cloned().unwrap_or_default(),
            estimates: arm.estimate(study.observations.len(), own),
            prepared: arm,
        }
    };
    prepared.into_iter().map(carry_out).collect()
}
