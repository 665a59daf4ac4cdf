//! Settings of a fit.

use isoflop_core::metrics::DEVICE_SECONDS;
use schemars::JsonSchema;
use serde::Serialize;

use super::Approach;
use super::surface::Objective;

/// Settings of a fit.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FitSettings {
    /// Arm that the others are compared with.
    pub baseline: String,
    /// Number of bootstrap replicates.
    pub replicates: u32,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// True if multipliers outside the overlap of measured losses are reported too, marked as
    /// extrapolated.
    pub extrapolate: bool,
    /// Cost axis of laws and multipliers.
    pub cost: CostAxis,
    /// Parameters that N counts.
    pub count: ParameterCounting,
    /// Approach of the multipliers; if absent, the first that both arms have of `profiles`,
    /// `surface`, `profiles_cubic`, `profiles_windowed` and `envelope`.
    pub approach: Option<Approach>,
    /// Objective of surface fits.
    pub objective: Objective,
}

impl FitSettings {
    /// Returns the default settings: exact FLOPs, all parameters.
    pub fn new(baseline: &str) -> Self {
        Self {
            baseline: baseline.to_owned(),
            replicates: 2000,
            seed: 0,
            extrapolate: false,
            cost: CostAxis::default(),
            count: ParameterCounting::default(),
            approach: None,
            objective: Objective::default(),
        }
    }
}

/// Cost of a run, the axis of laws and multipliers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostAxis {
    /// FLOPs of the study; exact for isoflop's own runs.
    #[default]
    Flops,
    /// 6·N·D (Kaplan et al., arXiv:2001.08361, section 2.1).
    SixNd,
    /// Training time in seconds, times the number of devices.
    DeviceSeconds,
}

impl CostAxis {
    /// Returns the unit as text.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Flops => "FLOPs",
            Self::SixNd => "FLOPs by 6ND",
            Self::DeviceSeconds => DEVICE_SECONDS.unit,
        }
    }

    /// Returns the noun for the cost.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Flops | Self::SixNd => "compute",
            Self::DeviceSeconds => "device time",
        }
    }
}

/// Parameters that N counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterCounting {
    /// All parameters, including the embedding.
    #[default]
    Total,
    /// All parameters except the embedding.
    WithoutEmbedding,
}
