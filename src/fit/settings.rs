//! Settings of a fit.

use isoflop_core::metrics::DEVICE_SECONDS;
use schemars::JsonSchema;
use serde::Serialize;

use super::Approach;
use super::surface::Objective;

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
