//! Arguments of `isoflop fit`, and the settings of its fits.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::study_args::StudyArgs;
use isoflop_fit::surface::Objective;
use isoflop_fit::{Approach, CostAxis, FitSettings, ParameterCounting};

#[derive(Debug, Args)]
pub(super) struct FitArgs {
    #[command(flatten)]
    pub(super) study: StudyArgs,
    /// File to write the fits to as well, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Arm that the others are compared with [default: the sweep's baseline, or the first arm of a
    /// table]
    #[arg(long, value_name = "ARM")]
    pub(super) baseline: Option<String>,
    /// Show multipliers also beyond the losses that both arms reached, marked as extrapolated
    #[arg(long)]
    pub(super) extrapolate: bool,
    /// Approach from runs to a frontier [default: the first of profiles and surface that both arms
    /// have]
    #[arg(long, value_enum)]
    pub(super) approach: Option<ApproachArg>,
    /// Measure of the cost of a run
    #[arg(long, value_enum, default_value_t = CostArg::Flops)]
    pub(super) cost: CostArg,
    /// Parameters that N counts
    #[arg(long, value_enum, default_value_t = CountArg::Total)]
    pub(super) count: CountArg,
    /// Objective that fits of surfaces minimise
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Huber)]
    pub(super) objective: ObjectiveArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ApproachArg {
    /// A parabola at each budget, and a power law through their vertices
    Profiles,
    /// Profiles with cubics instead of parabolas
    ProfilesCubic,
    /// Profiles with parabolas through only the sizes near the optimum
    ProfilesWindowed,
    /// L = E + A·N^-α + B·D^-β through all runs
    Surface,
    /// The lower envelope of all training curves, without intervals
    Envelope,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CostArg {
    /// FLOPs as recorded; exact for isoflop's own runs
    Flops,
    /// 6·N·D
    #[value(name = "6nd")]
    SixNd,
    /// Seconds of training, times the number of devices
    DeviceSeconds,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CountArg {
    /// All parameters
    Total,
    /// All parameters except the embedding's
    WithoutEmbedding,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ObjectiveArg {
    /// Sum of Huber losses of log L, δ = 1e-3
    Huber,
    /// Least squares of log L
    LeastSquares,
    /// Student's t likelihood of log L, with a free scale
    Likelihood,
}

/// Settings of a fit with this baseline.
pub(super) fn settings(args: &FitArgs, baseline: &str) -> FitSettings {
    FitSettings {
        extrapolate: args.extrapolate,
        cost: match args.cost {
            CostArg::Flops => CostAxis::Flops,
            CostArg::SixNd => CostAxis::SixNd,
            CostArg::DeviceSeconds => CostAxis::DeviceSeconds,
        },
        count: match args.count {
            CountArg::Total => ParameterCounting::Total,
            CountArg::WithoutEmbedding => ParameterCounting::WithoutEmbedding,
        },
        approach: args.approach.map(|approach| match approach {
            ApproachArg::Profiles => Approach::Profiles,
            ApproachArg::ProfilesCubic => Approach::ProfilesCubic,
            ApproachArg::ProfilesWindowed => Approach::ProfilesWindowed,
            ApproachArg::Surface => Approach::Surface,
            ApproachArg::Envelope => Approach::Envelope,
        }),
        objective: match args.objective {
            ObjectiveArg::Huber => Objective::default(),
            ObjectiveArg::LeastSquares => Objective::LeastSquares,
            ObjectiveArg::Likelihood => Objective::Likelihood,
        },
        ..args.study.settings(baseline)
    }
}
