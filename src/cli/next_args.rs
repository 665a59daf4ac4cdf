//! Arguments of `isoflop predict` and `isoflop suggest`.

use clap::{Args, ValueEnum};

use super::study_args::StudyArgs;
use isoflop_core::units::parse_number;

#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    #[command(flatten)]
    pub(super) study: StudyArgs,
    /// Budget in FLOPs, such as 1e20; can be given several times
    #[arg(long, value_name = "FLOPS", value_parser = positive, required_unless_present = "params")]
    pub(super) flops: Vec<f64>,
    /// Parameters of a run whose loss is predicted by the surface, such as 50M
    #[arg(long, value_name = "N", value_parser = positive, requires = "tokens", conflicts_with_all = ["flops", "approach"])]
    pub(super) params: Option<f64>,
    /// Tokens of that run, such as 1B
    #[arg(long, value_name = "D", value_parser = positive, requires = "params")]
    pub(super) tokens: Option<f64>,
    /// Predict for this arm only
    #[arg(long, value_name = "NAME")]
    pub(super) arm: Option<String>,
    /// Approach to predict by [default: the surface of an arm, or its profiles if it has no
    /// surface]
    #[arg(long, value_enum)]
    pub(super) approach: Option<PredictBy>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PredictBy {
    /// Power laws through the optima of the budgets
    Profiles,
    /// L = E + A·N^-α + B·D^-β through all runs
    Surface,
}

/// Range of valid counts.
const LEAST: f64 = 1.0;
const MOST: f64 = 1e40;

/// Parses a number above zero, such as `1e12` or `50M`.
fn positive(text: &str) -> Result<f64, String> {
    let value = parse_number(text).map_err(|e| e.to_string())?;
    match value {
        value if value <= 0.0 => Err("must be above 0".to_owned()),
        value if (LEAST..=MOST).contains(&value) => Ok(value),
        _ => Err(format!("out of range: expected {LEAST} to {MOST:e}")),
    }
}

#[derive(Debug, Args)]
pub(super) struct SuggestArgs {
    #[command(flatten)]
    pub(super) study: StudyArgs,
    /// FLOPs that all suggested runs may cost together, such as 1e12
    #[arg(long, value_name = "ALLOWANCE", value_parser = positive)]
    pub(super) flops: f64,
    /// Estimate whose interval to narrow
    #[arg(long, value_enum, default_value_t = TargetArg::Multiplier)]
    pub(super) of: TargetArg,
    /// Arm of the exponent, or variant of the multiplier [default: the baseline, or the only
    /// variant]
    #[arg(long, value_name = "NAME")]
    pub(super) arm: Option<String>,
    /// Arm that the others are compared with [default: the sweep's baseline, or the first arm of a
    /// table]
    #[arg(long, value_name = "NAME")]
    pub(super) baseline: Option<String>,
    /// Compute of the baseline at which to take the multiplier [default: the middle of the compute
    /// that both arms were measured at]
    #[arg(long, value_name = "FLOPS", value_parser = positive)]
    pub(super) at_flops: Option<f64>,
    /// Suggest at most N runs [default: the number of runs of these arms in the study]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) max_runs: Option<u32>,
    /// Suggest runs of at most D tokens, such as 7M for a text of that length
    #[arg(long, value_name = "D", value_parser = positive)]
    pub(super) max_tokens: Option<f64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TargetArg {
    /// Compute multiplier of the arm over the baseline
    Multiplier,
    /// α, the exponent of N in the surface
    Alpha,
    /// β, the exponent of D in the surface
    Beta,
    /// p in N* ∝ C^p
    NExponent,
}
