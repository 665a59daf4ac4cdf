//! What `isoflop fit` is told, as the fits' settings.

use super::args::{ApproachArg, CostArg, CountArg, FitArgs, ObjectiveArg};
use crate::fit::surface::Objective;
use crate::fit::{Approach, Cost, Count, Settings};

/// The settings of a fit with this baseline.
pub(super) fn settings(args: &FitArgs, baseline: String) -> Settings {
    Settings {
        baseline,
        replicates: args.replicates,
        seed: args.seed,
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
    }
}
