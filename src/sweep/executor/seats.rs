//! What an engine on other machines gives to runs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{At, Count};

/// The seats of an engine on other machines, all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// What a run trains on.
    pub device: JobDevice,
    /// CPU threads of a run.
    pub threads: u32,
    /// Most runs that are with the engine at once.
    pub count: usize,
}

/// What a job trains on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobDevice {
    /// The CPU.
    #[default]
    Cpu,
    /// The one GPU that the engine gives it.
    Cuda,
}

impl JobDevice {
    /// The device of a job that asks for so many GPUs.
    pub(super) fn of_gpus(gpus: &At<Count>) -> Self {
        if gpus.value.0 == 0 {
            Self::Cpu
        } else {
            Self::Cuda
        }
    }
}

/// For `#[serde(default)]`.
pub(super) fn threads_per_run() -> At<Count> {
    At::nowhere(Count(1))
}

/// For `#[serde(default)]`.
pub(super) fn max_pending() -> At<Count> {
    At::nowhere(Count(100))
}
