//! Slots of engines on other machines.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{LocatedValue, WholeNumber};

/// The slots of an engine on other machines, all with the same device and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSlots {
    /// Device of a run.
    pub device: JobDevice,
    /// CPU threads of a run.
    pub threads: u32,
    /// Largest number of runs that wait for the engine or execute on it.
    pub count: usize,
}

/// Device of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobDevice {
    /// The CPU.
    #[default]
    Cpu,
    /// The one GPU that the engine gives the job.
    Cuda,
}

impl JobDevice {
    /// Returns the device of a job that requests this number of GPUs.
    pub(super) fn of_gpus(gpus: &LocatedValue<WholeNumber>) -> Self {
        if gpus.value.0 == 0 {
            Self::Cpu
        } else {
            Self::Cuda
        }
    }
}

/// Default of `threads_per_run`, for `#[serde(default)]`.
pub(super) fn threads_per_run() -> LocatedValue<WholeNumber> {
    LocatedValue::without_location(WholeNumber(1))
}

/// Default of `max_pending`, for `#[serde(default)]`.
pub(super) fn max_pending() -> LocatedValue<WholeNumber> {
    LocatedValue::without_location(WholeNumber(100))
}
