//! Arguments of `isoflop fit`, as the fits' settings.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
    #[arg(long, value_enum)]
    pub(super) approach: Option<ApproachArg>,
    /// What a run costs
    #[arg(long, value_enum, default_value_t = CostArg::Flops)]
    pub(super) cost: CostArg,
    /// What N counts
    #[arg(long, value_enum, default_value_t = CountArg::Total)]
    pub(super) count: CountArg,
    /// What surfaces are fitted by
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Huber)]
    pub(super) objective: ObjectiveArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ApproachArg {
    /// A parabola at each budget, and a power law through their vertices
    Profiles,
    /// The same with cubics
    ProfilesCubic,
    /// The same with parabolas through the sizes near the optimum
    ProfilesWindowed,
    /// L = E + A·N^-α + B·D^-β through all runs
    Surface,
    /// The lower envelope of all training curves; gives no intervals
    Envelope,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CostArg {
    /// FLOPs as they are given; exact for isoflop's own runs
    Flops,
    /// 6·N·D
    #[value(name = "6nd")]
    SixNd,
    /// Seconds of training, times devices
    DeviceSeconds,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CountArg {
    /// All parameters
    Total,
    /// All but the embedding's
    WithoutEmbedding,
}

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
        cost: match args.cost {
            CostArg::Flops => Cost::Flops,
            CostArg::SixNd => Cost::SixNd,
            CostArg::DeviceSeconds => Cost::DeviceSeconds,
        },
        count: match args.count {
            CountArg::Total => Count::Total,
            CountArg::WithoutEmbedding => Count::WithoutEmbedding,
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
