//! This machine.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::Fault;
use crate::executor::settings::{Jobs, Settings};
use crate::given::given;
use crate::{At, Count};

/// This machine's CPU or GPUs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalExecutor {
    /// `auto` takes the GPUs if there are any.
    pub device: DeviceKind,
    /// Runs side by side; as many as fit if absent (CPU: cores / threads_per_run; GPU: `runs_per_device` on each).
    #[serde(deserialize_with = "given")]
    pub slots: Option<At<Count>>,
    /// Runs that may share a GPU where their memory, by estimate, allows it; 1 if absent.
    pub runs_per_device: At<Count>,
    /// CPU threads of a run; 1 on CPU if absent.
    #[serde(deserialize_with = "given")]
    pub threads_per_run: Option<At<Count>>,
}

impl Default for LocalExecutor {
    fn default() -> Self {
        Self {
            device: DeviceKind::Auto,
            slots: None,
            runs_per_device: At::nowhere(Count(1)),
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
    /// CUDA devices; an error where there are none.
    Cuda,
}

impl Settings for LocalExecutor {
    fn jobs(&self) -> Option<Jobs<'_>> {
        None
    }

    fn check(&self) -> Result<(), Fault> {
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
