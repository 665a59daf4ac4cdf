//! Request for a suggestion, its result, and the reasons for a refusal.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::Interval;
use super::{OfferedSize, Target};

/// Request for a suggestion.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggestionRequest {
    /// Maximum cost of all suggested runs together, FLOPs.
    pub allowance: f64,
    /// Quantity to estimate more precisely.
    pub target: Target,
    /// Arm of the exponent, or variant of the multiplier. The settings name the baseline.
    pub arm: String,
    /// Baseline's compute at which to take the multiplier, FLOPs; if absent, the middle of the
    /// range that both arms were measured at.
    pub at_flops: Option<f64>,
    /// Maximum number of runs.
    pub max_runs: usize,
    /// Maximum number of tokens of a run, such as the length of the text.
    pub max_tokens: f64,
    /// Sizes in addition to the study's own; if absent, sizes by parameters only.
    pub sizes: Option<Vec<OfferedSize>>,
}

/// Runs that would narrow an interval most.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// Quantity to estimate more precisely.
    pub target: Target,
    /// Arms of the runs; of two, the first is the baseline.
    pub arms: Vec<String>,
    /// Baseline's compute at which the multiplier is taken, FLOPs.
    pub at_flops: Option<f64>,
    /// Current estimate of the target, from the fitted surfaces.
    pub value: f64,
    /// Current 95% interval of the target.
    pub now: Option<Interval>,
    /// Estimated 95% interval of the target after the runs, around the current value.
    pub expected: Option<Interval>,
    /// Estimated width of the interval after the runs, as a share of the current width; of log
    /// multiplier for a multiplier.
    pub shrink: f64,
    /// Estimated share of the width if the same FLOPs are spent evenly over the sizes and budgets
    /// of the study.
    pub shrink_evenly: f64,
    /// Cost of all runs, FLOPs.
    pub flops: f64,
    /// Runs, by size and budget.
    pub places: Vec<SuggestedRuns>,
    /// Best extension of a sweep file's `sizes`, `budgets` and `seeds` within the allowance; absent
    /// if the study does not have their form or no extension is affordable.
    pub sweep: Option<SweepForm>,
    /// Cost of the cheapest such extension, FLOPs; absent if the study does not have the form.
    pub sweep_from: Option<f64>,
    /// Correlation of the errors of two arms at one size, budget and seed.
    pub correlation: f64,
}

/// The `sizes`, `budgets` and number of `seeds` of an extended sweep. It includes the existing
/// ones, so finished runs are kept.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SweepForm {
    /// Sizes, smallest first.
    pub sizes: Vec<SweepSize>,
    /// Budgets, FLOPs.
    pub budgets: Vec<f64>,
    /// Number of seeds.
    pub seeds: usize,
    /// Number of new runs.
    pub new_runs: usize,
    /// Cost of the new runs, FLOPs.
    pub flops: f64,
    /// Estimated width of the interval after the runs, as a share of the current width.
    pub shrink: f64,
}

/// Size of a sweep, by name or by parameters.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SweepSize {
    /// Name of the size; absent if it has none.
    pub label: Option<String>,
    /// N of the first arm, parameters.
    pub params: f64,
}

/// Runs of one size and budget: one of each arm for each seed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SuggestedRuns {
    /// Name of the size; absent if it has none.
    pub size: Option<String>,
    /// N of each arm, parameters.
    pub params: Vec<f64>,
    /// D of each arm, tokens.
    pub tokens: Vec<f64>,
    /// C of each run, FLOPs.
    pub budget: f64,
    /// Number of new seeds at this size and budget.
    pub seeds: usize,
    /// Cost of the runs of all seeds and arms, FLOPs.
    pub flops: f64,
}

/// Reason that no runs are suggested.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SuggestRefusal {
    /// An arm has no surface, which a design needs.
    #[error("cannot suggest runs without a surface of `{arm}`: {reason}")]
    NoSurface {
        /// Name of the arm.
        arm: String,
        /// Reason that there is no surface.
        reason: String,
    },
    /// The measured losses of the arms do not overlap.
    #[error(
        "the measured losses of the two arms do not overlap, so there is no measured multiplier to narrow"
    )]
    NoOverlap,
    /// The laws do not extend to the requested compute.
    #[error("no multiplier at {flops:.2e} FLOPs: too far from the measured compute")]
    TooFar {
        /// Requested compute, FLOPs.
        flops: f64,
    },
    /// The allowance is too small for any run.
    #[error(
        "an allowance of {allowance:.2e} FLOPs is too small: {what} costs at least {cheapest:.2e} FLOPs"
    )]
    TooLittle {
        /// Allowance, FLOPs.
        allowance: f64,
        /// Cost of the cheapest addition, FLOPs.
        cheapest: f64,
        /// Description of that addition.
        what: &'static str,
    },
    /// A multiplier needs runs of two arms.
    #[error("a multiplier needs at least 2 runs, one of each arm, but the limit is {most}")]
    TooFewRuns {
        /// Maximum number of runs.
        most: usize,
    },
    /// All candidates have too many tokens.
    #[error("all sizes and budgets near those of the study need more than {most:.2e} tokens")]
    TooFewTokens {
        /// Maximum number of tokens.
        most: f64,
    },
    /// The candidates do not narrow the interval.
    #[error("no run within the allowance would narrow the interval")]
    NothingHelps,
}
