//! This machine.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DeviceKind, RunOrder, defaults};
use crate::check::Check;
use crate::given::given;
use crate::{At, Count, Number, SweepError};

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
    /// Which runs start first; `longest_first` if absent, so that no slot idles long at the end.
    pub order: RunOrder,
    /// Attempts of a run that may crash before it is quarantined; 5 if absent.
    pub max_attempts: At<Count>,
    /// Seconds before a run that crashed is tried again, doubled each time, up to 5 minutes; 1 if absent.
    pub retry_seconds: At<Number>,
    /// Seconds between checkpoints of a run; 300 if absent.
    pub checkpoint_seconds: At<Number>,
    /// Seconds of silence after which a run is stopped as hung; 300 if absent.
    pub stall_seconds: At<Number>,
    /// Seconds that one attempt at a run may take; no limit if absent.
    #[serde(deserialize_with = "given")]
    pub max_run_seconds: Option<At<Number>>,
    /// Room on the disk below which no run is started, bytes; if absent, what checkpoints of the runs side by side can take,
    /// and 100 MB.
    #[serde(deserialize_with = "given")]
    pub disk_reserve_bytes: Option<At<Count>>,
}

impl Default for LocalExecutor {
    fn default() -> Self {
        Self {
            device: DeviceKind::Auto,
            slots: None,
            runs_per_device: At::nowhere(Count(1)),
            threads_per_run: None,
            order: defaults::order(),
            max_attempts: defaults::max_attempts(),
            retry_seconds: defaults::retry_seconds(),
            checkpoint_seconds: defaults::checkpoint_seconds(),
            stall_seconds: defaults::stall_seconds(),
            max_run_seconds: None,
            disk_reserve_bytes: None,
        }
    }
}

impl Check<'_> {
    pub(super) fn local(&self, local: &LocalExecutor) -> Result<(), SweepError> {
        for (name, count) in [
            ("`slots`", &local.slots),
            ("`threads_per_run`", &local.threads_per_run),
        ] {
            if let Some(count) = count {
                self.count(name, count, 1..=1024)?;
            }
        }
        self.count("`runs_per_device`", &local.runs_per_device, 1..=64)
            .map(drop)
    }
}
