//! What an engine on other machines gives to runs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::check::Check;
use crate::{At, Count, SweepError};

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

impl Seats {
    pub(super) fn new(
        device: JobDevice,
        threads_per_run: &At<Count>,
        max_pending: &At<Count>,
    ) -> Self {
        Self {
            device,
            threads: threads_per_run.value.0 as u32,
            count: max_pending.value.0 as usize,
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

impl Check<'_> {
    pub(super) fn seats(
        &self,
        threads_per_run: &At<Count>,
        max_pending: &At<Count>,
    ) -> Result<(), SweepError> {
        self.count("`threads_per_run`", threads_per_run, 1..=1024)?;
        self.count("`max_pending`", max_pending, 1..=10_000)
            .map(drop)
    }
}
