//! Arguments of the commands about runs that are not there yet: `predict` and `suggest`.

use clap::{Args, ValueEnum};

use super::study_args::StudyArgs;
use isoflop_core::units::parse_number;

#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    #[command(flatten)]
    pub(super) study: StudyArgs,
    /// Budget in FLOPs, such as 1e20; may be given several times
    #[arg(long, value_name = "FLOPS", value_parser = positive, required_unless_present = "params")]
    pub(super) flops: Vec<f64>,
    /// Predict the loss of a run with so many parameters, such as 50M, by the surface
    #[arg(long, value_name = "N", value_parser = positive, requires = "tokens", conflicts_with_all = ["flops", "approach"])]
    pub(super) params: Option<f64>,
    /// Tokens of that run, such as 1B
    #[arg(long, value_name = "D", value_parser = positive, requires = "params")]
    pub(super) tokens: Option<f64>,
    /// Predict for this arm alone
    #[arg(long, value_name = "NAME")]
    pub(super) arm: Option<String>,
    /// What to predict by [default: the surface of an arm that has one, and else its profiles]
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

/// Counts that mean something.
const LEAST: f64 = 1.0;
const MOST: f64 = 1e40;

/// A number above zero, as researchers write it.
fn positive(text: &str) -> Result<f64, String> {
    let value = parse_number(text).map_err(|e| e.to_string())?;
    match value {
        value if value <= 0.0 => Err(format!("`{text}` is not above zero")),
        value if (LEAST..=MOST).contains(&value) => Ok(value),
        _ => Err(format!("`{text}` is outside {LEAST} to {MOST:e}")),
    }
}

#[derive(Debug, Args)]
pub(super) struct SuggestArgs {
    #[command(flatten)]
    pub(super) study: StudyArgs,
    /// FLOPs that all further runs may cost together, such as 1e12
    #[arg(long, value_name = "ALLOWANCE", value_parser = positive)]
    pub(super) flops: f64,
    /// What the runs are to tell of
    #[arg(long, value_enum, default_value_t = TargetArg::Multiplier)]
    pub(super) of: TargetArg,
    /// Arm whose exponent it is, or that is compared with the baseline [default: the baseline, or the only other arm]
    #[arg(long, value_name = "NAME")]
    pub(super) arm: Option<String>,
    /// Arm that it is compared with [default: the sweep's, or the first of a table]
    #[arg(long, value_name = "NAME")]
    pub(super) baseline: Option<String>,
    /// Compute of the baseline at which the multiplier is wanted [default: the middle of what both arms were measured at]
    #[arg(long, value_name = "FLOPS", value_parser = positive)]
    pub(super) at_flops: Option<f64>,
    /// Suggest at most so many runs [default: as many as the study has of these arms]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) max_runs: Option<u32>,
    /// Suggest no run of more tokens, such as 7M where the text has no more
    #[arg(long, value_name = "D", value_parser = positive)]
    pub(super) max_tokens: Option<f64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TargetArg {
    /// What the arm's compute is worth in the baseline's
    Multiplier,
    /// α, the exponent of N in the surface
    Alpha,
    /// β, the exponent of D in the surface
    Beta,
    /// p in N* ∝ C^p
    NExponent,
}
