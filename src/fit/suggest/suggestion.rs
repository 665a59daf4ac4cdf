//! What is suggested, and why nothing is.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::Interval;
use super::{OfferedSize, Target};

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// FLOPs that all suggested runs may cost together.
    pub allowance: f64,
    /// What is to be known better.
    pub target: Target,
    /// The arm whose exponent it is, or the variant of the multiplier; the baseline is the settings'.
    pub arm: String,
    /// The baseline's compute at which the multiplier is wanted, FLOPs; where it is not said, the middle of what both arms were
    /// measured at.
    pub at_flops: Option<f64>,
    /// The most runs.
    pub max_runs: usize,
    /// The most tokens of a run, what the text has say.
    pub max_tokens: f64,
    /// Sizes beside the study's own; where they are not said, sizes by parameters alone.
    pub sizes: Option<Vec<OfferedSize>>,
}

/// The runs that would tell most.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// What they would tell of.
    pub target: Target,
    /// The arms that they are of; of two the first is the baseline.
    pub arms: Vec<String>,
    /// The baseline's compute at which the multiplier is meant, FLOPs.
    pub at_flops: Option<f64>,
    /// The target by the surfaces as they are.
    pub value: f64,
    /// Its 95% interval now.
    pub now: Option<Interval>,
    /// An estimate of its 95% interval when the runs are done, around the value of now.
    pub expected: Option<Interval>,
    /// An estimate of the interval's width then, as a share of the width now; of log multiplier for a multiplier.
    pub shrink: f64,
    /// The same where as many FLOPs are spent evenly over the sizes and budgets of the study.
    pub shrink_evenly: f64,
    /// What all runs cost, FLOPs.
    pub flops: f64,
    /// Where they are.
    pub places: Vec<Place>,
    /// The best extension of a sweep file's `sizes`, `budgets` and `seeds` within the allowance, where the study has their
    /// form and one is affordable.
    pub sweep: Option<SweepForm>,
    /// FLOPs of the cheapest such extension, where the study has the form.
    pub sweep_from: Option<f64>,
    /// Correlation of the errors of two arms at one size, budget and seed.
    pub correlation: f64,
}

/// The `sizes`, `budgets` and number of `seeds` of an extended sweep: what is there stays, so that finished runs are kept.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SweepForm {
    /// Sizes, smallest first.
    pub sizes: Vec<SweepSize>,
    /// Budgets, FLOPs.
    pub budgets: Vec<f64>,
    /// How many seeds.
    pub seeds: usize,
    /// Runs that are not there yet.
    pub new_runs: usize,
    /// What they cost, FLOPs.
    pub flops: f64,
    /// An estimate of the interval's width when they are done, as a share of the width now.
    pub shrink: f64,
}

/// A size: by the study's name, or by what the baseline counts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SweepSize {
    /// The study's name of it, where it has one.
    pub label: Option<String>,
    /// N of the first arm, parameters.
    pub params: f64,
}

/// Runs of one size and budget: one of each arm for each seed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Place {
    /// The study's name of the size, where it has one.
    pub size: Option<String>,
    /// N of each arm, parameters.
    pub params: Vec<f64>,
    /// D of each arm, tokens.
    pub tokens: Vec<f64>,
    /// C of each run, FLOPs.
    pub budget: f64,
    /// Seeds, none of which the study has there yet.
    pub seeds: usize,
    /// What the runs of all seeds and arms cost, FLOPs.
    pub flops: f64,
}

/// Why nothing is suggested.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SuggestRefusal {
    /// The design rests on the surfaces.
    #[error("`{arm}` has no surface to suggest by: {reason}")]
    NoSurface {
        /// The arm.
        arm: String,
        /// Why.
        reason: String,
    },
    /// The multiplier has no place.
    #[error(
        "the measured losses of the two arms do not overlap, so that there is no multiplier to narrow"
    )]
    NoOverlap,
    /// The laws do not reach so far.
    #[error("at {flops:.2e} FLOPs there is no multiplier: that is too far from what was measured")]
    TooFar {
        /// The compute asked for.
        flops: f64,
    },
    /// Nothing can be paid.
    #[error("{allowance:.2e} FLOPs pay for no run: the least, {what}, costs {cheapest:.2e} FLOPs")]
    TooLittle {
        /// FLOPs allowed.
        allowance: f64,
        /// What the least that can be added costs, FLOPs.
        cheapest: f64,
        /// What it is.
        what: &'static str,
    },
    /// A multiplier is of two arms.
    #[error(
        "a multiplier takes runs in pairs, one of each arm, and no more than {most} is allowed"
    )]
    TooFewRuns {
        /// Runs allowed.
        most: usize,
    },
    /// No place has so few tokens.
    #[error("no size and budget near those of the study has at most {most:.2e} tokens")]
    TooFewTokens {
        /// Tokens allowed.
        most: f64,
    },
    /// No candidate is worth anything.
    #[error("no run within the allowance would narrow the interval")]
    NothingHelps,
}
