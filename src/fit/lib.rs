//! Laws from runs: IsoFLOP profiles, compute-optimal frontiers, compute multipliers.
//!
//! Pure: observations in, fits out. It knows no files, no tables and no clock; the
//! bootstrap's randomness comes from a seed.
//!
//! Symbols: N parameters, D training tokens, C training FLOPs, L validation loss in
//! nats/token. Logarithms are natural.
//!
//! A usable but doubtful answer is a value with a status; a refusal means there is no answer.

mod answer;
mod approach;
mod arm;
mod arm_surface;
pub mod asymptote;
mod budget_json;
mod compare;
mod comparison;
mod convention;
#[cfg(test)]
mod coverage_tests;
pub mod data_constrained;
mod diagnosis;
mod direct;
mod distinct;
mod doubt;
mod envelope;
pub mod findings;
mod frontier;
mod grouped;
mod hyper;
mod interval;
mod irreducible;
mod law;
mod least_squares;
mod line;
mod made;
mod method;
mod minimize;
mod multiplier;
mod nonnegative;
pub mod over_training;
mod path;
mod per_token;
mod polynomial;
mod predict;
#[cfg(test)]
mod predict_tests;
mod profile;
mod resample;
mod scalar;
mod sensitivity;
mod span;
mod study;
mod suggest;
pub mod surface;
#[cfg(test)]
mod tests;
mod tuning;

use isoflop_core::metrics::DEVICE_SECONDS;
use schemars::JsonSchema;
use serde::Serialize;

pub use answer::Answer;
use answer::answer;
pub use approach::Approach;
pub use arm::ArmFit;
pub use arm_surface::{ArmSurface, SurfaceHoldout, SurfaceIntervals};
pub use comparison::{
    Alternative, ByApproach, Comparison, ComparisonRefusal, Growth, Influence, MultiplierPoint,
    MultiplierStatus,
};
pub use diagnosis::{Diagnosis, Trend};
pub use direct::{Difference, DirectArm, DirectComparison};
pub use doubt::Doubt;
pub use frontier::{Frontier, FrontierRefusal, Holdout};
pub use hyper::{Hyper, HyperLaw, HyperOptimum, HyperPower};
pub use interval::Interval;
pub use irreducible::Irreducible;
pub use law::PowerLaw;
pub use polynomial::{Form, Parabola, ProfileRefusal};
pub use predict::{Asked, Band, Extent, Predicted, PredictedRun, Predictions, predict};
pub use profile::{OtherForm, Profile, Vertex, VertexStatus};
pub use study::{Excluded, Further, Observation, Reached, Study, Trajectory};
pub use suggest::{
    OfferedSize, Place, SuggestRefusal, Suggestion, SweepForm, SweepSize, Target, Wanted, suggest,
};
pub use tuning::{Tried, Tuned};

use arm::Prepared;
use compare::compared;
use made::Made;
use method::Drawn;
use resample::Cells;
use surface::Objective;

/// What to fit, and how.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Settings {
    /// The arm that the others are compared with.
    pub baseline: String,
    /// Bootstrap replicates.
    pub replicates: u32,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Give multipliers outside the overlap of measured losses too, marked as extrapolated.
    pub extrapolate: bool,
    /// What a run costs.
    pub cost: Cost,
    /// What N counts.
    pub count: Count,
    /// What multipliers are made by; where it is not set, the first of [`Approach::ALL`] that both arms have.
    pub approach: Option<Approach>,
    /// What surfaces are fitted by.
    pub objective: Objective,
}

impl Settings {
    /// What is usual: exact FLOPs, all parameters.
    pub fn new(baseline: &str) -> Self {
        Self {
            baseline: baseline.to_owned(),
            replicates: 2000,
            seed: 0,
            extrapolate: false,
            cost: Cost::default(),
            count: Count::default(),
            approach: None,
            objective: Objective::default(),
        }
    }
}

/// What a run costs: the axis that laws and multipliers are functions of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// FLOPs as they are given: exact ones, for isoflop's own runs.
    #[default]
    Flops,
    /// 6·N·D (Kaplan et al., arXiv:2001.08361, section 2.1).
    SixNd,
    /// Seconds of training times devices.
    DeviceSeconds,
}

impl Cost {
    /// The unit, in words.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Flops => "FLOPs",
            Self::SixNd => "FLOPs by 6ND",
            Self::DeviceSeconds => DEVICE_SECONDS.unit,
        }
    }

    /// What there is more or less of.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Flops | Self::SixNd => "compute",
            Self::DeviceSeconds => "device time",
        }
    }
}

/// What N counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// All parameters, the embedding among them.
    #[default]
    Total,
    /// All but the embedding.
    WithoutEmbedding,
}

/// All fits of a study.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fits {
    /// How they were made.
    pub settings: Settings,
    /// Runs used.
    pub runs_used: usize,
    /// Runs left out, each with the reason.
    pub excluded: Vec<Excluded>,
    /// What was assumed of the runs, and what looks wrong with them: of a table that others measured.
    pub notes: Vec<String>,
    /// What to know before the numbers are used.
    #[schemars(with = "Vec<String>")]
    pub doubts: Vec<Doubt>,
    /// One for each arm, in the order of the study.
    pub arms: Vec<ArmFit>,
    /// One for each arm but the baseline.
    pub comparisons: Vec<Comparison>,
    /// Where several learning rates were tried, what came out; the fits use the best of each.
    pub tuned: Vec<Tuned>,
    /// How the best learning rate and batch grow with compute, where the study varied them.
    pub hyper: Vec<HyperLaw>,
    /// Arms side by side at the budgets and sizes that make no profile.
    pub direct: Vec<DirectComparison>,
}

impl Fits {
    /// The runs left out, by reason.
    pub fn left_out(&self) -> Vec<(&str, Vec<&str>)> {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for Excluded { run, reason } in &self.excluded {
            match reasons.iter_mut().find(|(other, _)| other == reason) {
                Some((_, runs)) => runs.push(run),
                None => reasons.push((reason, vec![run])),
            }
        }
        reasons
    }

    /// Whether every run was left out.
    pub fn is_empty(&self) -> bool {
        self.runs_used == 0 && self.direct.is_empty() && !self.excluded.is_empty()
    }

    /// Whether no profile and so no law was found, and runs are compared directly alone.
    pub fn only_direct(&self) -> bool {
        let has_law =
            |arm: &ArmFit| arm.surface.is_ok() || arm.profiles.iter().any(|p| p.vertex.is_ok());
        !self.direct.is_empty() && !self.arms.iter().any(has_law)
    }
}

/// Fits a study.
pub fn fit(study: &Study, settings: &Settings) -> Fits {
    let (tuned_study, tuned) = tuning::tune(study);
    let seen = convention::under(&tuned_study, settings);
    let carried = fit_arms(&seen, settings);
    let told: Vec<ArmFit> = carried
        .iter()
        .map(|arm| arm.prepared.tell(&seen, &arm.made, &arm.profile_draws))
        .collect();
    let others = carried
        .iter()
        .filter(|arm| arm.prepared.name != settings.baseline);
    let comparisons: Vec<Comparison> = others
        .map(|arm| compared(&tuned_study, &seen, settings, &carried, &told, arm))
        .collect();
    let replicates = replicates(&seen, settings);
    let mut notes = seen.notes.clone();
    notes.extend(fewer_replicates(replicates, settings.replicates));
    Fits {
        settings: Settings {
            replicates,
            ..settings.clone()
        },
        runs_used: seen.observations.len(),
        excluded: seen.excluded.clone(),
        notes,
        doubts: doubt::doubts(&told, &comparisons),
        arms: told,
        comparisons,
        tuned,
        hyper: hyper::laws(study),
        direct: direct::compare(&seen, &settings.baseline),
    }
}

/// An arm with every approach carried out.
struct Carried<'a> {
    prepared: Prepared<'a>,
    made: Vec<Made>,
    /// The draws of the parabolas, which are told of profiles even where no frontier comes of them.
    profile_draws: Vec<Option<Drawn>>,
}

/// Runs times replicates of which no more are computed: a hundred thousand runs need no thousands of replicates.
const MOST_DRAWS: usize = 10_000_000;

/// How many replicates are drawn: those that are asked for, unless the runs are very many.
fn replicates(study: &Study, settings: &Settings) -> u32 {
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

fn fit_arms<'a>(study: &'a Study, settings: &Settings) -> Vec<Carried<'a>> {
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
