//! This machine.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::ValueError;
use crate::executor::settings::{EngineSettings, JobSettings};
use crate::not_empty::not_empty;
use crate::{LocatedValue, WholeNumber};

/// This machine's CPU or GPUs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalExecutor {
    /// Device; `auto` uses the GPUs if there are any.
    pub device: DeviceKind,
    /// Runs side by side; as many as fit if absent (CPU: cores / threads_per_run; GPU:
    /// `runs_per_device` on each).
    #[serde(deserialize_with = "not_empty")]
    pub slots: Option<LocatedValue<WholeNumber>>,
    /// Runs that may share a GPU if their estimated memory fits; 1 if absent.
    pub runs_per_device: LocatedValue<WholeNumber>,
    /// CPU threads of a run; 1 on CPU if absent.
    #[serde(deserialize_with = "not_empty")]
    pub threads_per_run: Option<LocatedValue<WholeNumber>>,
}

impl Default for LocalExecutor {
    fn default() -> Self {
        Self {
            device: DeviceKind::Auto,
            slots: None,
            runs_per_device: LocatedValue::without_location(WholeNumber(1)),
            threads_per_run: None,
        }
    }
}

/// Kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// GPUs if there are any, the CPU otherwise.
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA devices; an error if the machine has none.
    Cuda,
}

impl EngineSettings for LocalExecutor {
    fn jobs(&self) -> Option<JobSettings<'_>> {
        None
    }

    fn check(&self) -> Result<(), ValueError> {
        for (name, count) in [
            ("`slots`", &self.slots),
            ("`threads_per_run`", &self.threads_per_run),
        ] {
            if let Some(count) = count {
                count.within(name, 1..=1024)?;
            }
        }
        self.runs_per_device.within("`runs_per_device`", 1..=64)?;
        Ok(())
    }
}
