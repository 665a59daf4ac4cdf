//! The arms of a study with every approach carried out.

use super::arm::{self, Prepared};
use super::made::{self, Made};
use super::method::Drawn;
use super::resample::Cells;
use super::{Settings, Study};

/// An arm with every approach carried out.
pub(super) struct Carried<'a> {
    pub(super) prepared: Prepared<'a>,
    pub(super) made: Vec<Made>,
    /// The draws of the parabolas, which are told of profiles even where no frontier comes of them.
    pub(super) profile_draws: Vec<Option<Drawn>>,
}

/// Runs times replicates of which no more are computed: a hundred thousand runs need no thousands of replicates.
const MOST_DRAWS: usize = 10_000_000;

/// How many replicates are drawn: those that are asked for, unless the runs are very many.
pub(super) fn replicates(study: &Study, settings: &Settings) -> u32 {
    let most = MOST_DRAWS / study.observations.len().max(1);
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    settings.replicates.min(most.max(LEAST_DRAWS))
}

/// That fewer are drawn than were asked for, where it is so.
pub fn fewer_replicates(drawn: u32, asked: u32) -> Option<String> {
    (drawn < asked).then(|| {
        format!("{drawn} bootstrap replicates instead of {asked}: so many runs need fewer")
    })
}

/// Replicates that are drawn of any number of runs: the ends of a 95% interval are the 5th from either end of so many.
const LEAST_DRAWS: u32 = 200;

/// Fits every arm of a study, under common weights.
pub(super) fn fit_arms<'a>(study: &'a Study, settings: &Settings) -> Vec<Carried<'a>> {
    let arms = study.arms();
    let prepared = arms.iter().map(|arm| arm::prepare(study, arm, settings));
    let prepared: Vec<Prepared<'_>> = prepared.collect();
    let methods: Vec<_> = prepared.iter().flat_map(|arm| &arm.methods).collect();
    let cells = Cells::of(&study.observations);
    let draws = made::draws(&methods, &cells, settings.seed, replicates(study, settings));
    let mut draws = draws.into_iter();
    let carry_out = |arm: Prepared<'a>| {
        let own: Vec<_> = draws.by_ref().take(arm.methods.len()).collect();
        Carried {
            profile_draws: own.first().cloned().unwrap_or_default(),
            made: arm.carry_out(study.observations.len(), own),
            prepared: arm,
        }
    };
    prepared.into_iter().map(carry_out).collect()
}
