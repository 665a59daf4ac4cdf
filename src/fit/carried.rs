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
    let most = u32::try_from(MOST_DRAWS / study.observations.len().max(1))
        .unwrap_or(u32::MAX)
        .max(LEAST_DRAWS);
    settings.replicates.min(most)
}

/// That fewer are drawn than were asked for, where it is so.
pub fn fewer_replicates(drawn: u32, asked: u32) -> Option<String> {
    let words =
        || format!("{drawn} bootstrap replicates instead of {asked}: so many runs need fewer");
    (drawn < asked).then(words)
}

/// Replicates that are drawn of any number of runs: the ends of a 95% interval are the 5th from either end of so many.
const LEAST_DRAWS: u32 = 200;

/// Fits every arm of a study, under common weights.
pub(super) fn fit_arms<'a>(study: &'a Study, settings: &Settings) -> Vec<Carried<'a>> {
    let prepared: Vec<Prepared<'_>> = study
        .arms()
        .iter()
        .map(|arm| arm::prepare(study, arm, settings))
        .collect();
    let methods: Vec<_> = prepared.iter().flat_map(|arm| &arm.methods).collect();
    let runs = study.observations.len();
    let cells = Cells::of(&study.observations);
    let mut draws =
        made::draws(&methods, &cells, settings.seed, replicates(study, settings)).into_iter();
    let mut carried = Vec::new();
    for arm in prepared {
        let own: Vec<_> = draws.by_ref().take(arm.methods.len()).collect();
        let profile_draws = own.first().cloned().unwrap_or_default();
        let made = arm.carry_out(runs, own);
        carried.push(Carried {
            prepared: arm,
            made,
            profile_draws,
        });
    }
    carried
}
