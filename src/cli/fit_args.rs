//! Arguments of `isoflop fit`, as the fits' settings.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::choice::{Choice, one_of};
use super::study_args::StudyArgs;
use isoflop_fit::surface::Objective;
use isoflop_fit::{Approach, Cost, Count, Settings};

#[derive(Debug, Args)]
pub(super) struct FitArgs {
    #[command(flatten)]
    pub(super) study: StudyArgs,
    /// Write the fits as JSON to this file too
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Arm that the others are compared with [default: the sweep's, or the first of a table]
    #[arg(long, value_name = "ARM")]
    pub(super) baseline: Option<String>,
    /// Give multipliers beyond the losses measured in both arms too, marked as extrapolated
    #[arg(long)]
    pub(super) extrapolate: bool,
    /// Way from runs to a frontier [default: the first of profiles and surface that both arms have]
    #[arg(long, value_parser = one_of(APPROACHES))]
    pub(super) approach: Option<Approach>,
    /// What a run costs
    #[arg(long, value_parser = one_of(COSTS), default_value = "flops")]
    pub(super) cost: Cost,
    /// What N counts
    #[arg(long, value_parser = one_of(COUNTS), default_value = "total")]
    pub(super) count: Count,
    /// What surfaces are fitted by
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Huber)]
    pub(super) objective: ObjectiveArg,
}

const APPROACHES: &[Choice<Approach>] = &[
    (
        "profiles",
        "A parabola at each budget, and a power law through their vertices",
        Approach::Profiles,
    ),
    (
        "profiles-cubic",
        "The same with cubics",
        Approach::ProfilesCubic,
    ),
    (
        "profiles-windowed",
        "The same with parabolas through the sizes near the optimum",
        Approach::ProfilesWindowed,
    ),
    (
        "surface",
        "L = E + A·N^-α + B·D^-β through all runs",
        Approach::Surface,
    ),
    (
        "envelope",
        "The lower envelope of all training curves; gives no intervals",
        Approach::Envelope,
    ),
];

const COSTS: &[Choice<Cost>] = &[
    (
        "flops",
        "FLOPs as they are given; exact for isoflop's own runs",
        Cost::Flops,
    ),
    ("6nd", "6·N·D", Cost::SixNd),
    (
        "device-seconds",
        "Seconds of training, times devices",
        Cost::DeviceSeconds,
    ),
];

const COUNTS: &[Choice<Count>] = &[
    ("total", "All parameters", Count::Total),
    (
        "without-embedding",
        "All but the embedding's",
        Count::WithoutEmbedding,
    ),
];

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ObjectiveArg {
    /// A sum of Huber's losses of log L, δ = 1e-3
    Huber,
    /// Least squares of log L
    LeastSquares,
    /// Student's likelihood with a free scale
    Likelihood,
}

/// The settings of a fit with this baseline.
pub(super) fn settings(args: &FitArgs, baseline: &str) -> Settings {
    Settings {
        extrapolate: args.extrapolate,
        cost: args.cost,
        count: args.count,
        approach: args.approach,
        objective: match args.objective {
            ObjectiveArg::Huber => Objective::default(),
            ObjectiveArg::LeastSquares => Objective::LeastSquares,
            ObjectiveArg::Likelihood => Objective::Likelihood,
        },
        ..args.study.settings(baseline)
    }
}
