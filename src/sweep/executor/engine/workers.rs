//! Workers of isoflop.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::ValueError;
use crate::executor::engine_slots::{self, JobDevice};
use crate::executor::settings::{EngineSettings, JobSettings};
use crate::{FiniteNumber, LocatedValue, WholeNumber};

/// Machines on which `isoflop worker` runs; docs/workers.md is a guide. `isoflop run` needs
/// `--listen` for them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkersExecutor {
    /// Device of a run: the CPU, or one GPU of the worker; the CPU if absent.
    pub device: JobDevice,
    /// CPU threads of a run; 1 if absent.
    pub threads_per_run: LocatedValue<WholeNumber>,
    /// Largest number of runs that wait for a worker or run on one; 100 if absent.
    pub max_pending: LocatedValue<WholeNumber>,
    /// Seconds without a heartbeat after which another idle worker may get the run; 30 if absent.
    pub lease_seconds: LocatedValue<FiniteNumber>,
    /// Seconds between heartbeats of a worker; 3 if absent.
    pub beat_seconds: LocatedValue<FiniteNumber>,
    /// True if workers deliver each checkpoint, so that another worker can continue a run if one
    /// fails; if absent, they deliver only the checkpoints of stopped runs.
    pub deliver_checkpoints: bool,
}

impl Default for WorkersExecutor {
    fn default() -> Self {
        Self {
            device: JobDevice::default(),
            threads_per_run: engine_slots::threads_per_run(),
            max_pending: engine_slots::max_pending(),
            lease_seconds: LocatedValue::without_location(FiniteNumber(30.0)),
            beat_seconds: LocatedValue::without_location(FiniteNumber(3.0)),
            deliver_checkpoints: false,
        }
    }
}

impl EngineSettings for WorkersExecutor {
    fn jobs(&self) -> Option<JobSettings<'_>> {
        Some(JobSettings {
            device: self.device,
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: None,
            // Workers continue, but deliver only to a coordinator.
            outlive_coordinator: false,
        })
    }

    fn check(&self) -> Result<(), ValueError> {
        let beat = self.beat_seconds.within("`beat_seconds`", 0.05..=60.0)?;
        let lease = self.lease_seconds.within("`lease_seconds`", 0.1..=1e5)?;
        if lease < 2.0 * beat {
            let message = format!(
                "`lease_seconds` is out of range: expected at least 2 x `beat_seconds` ({beat}), found {lease}; one late heartbeat would end the lease"
            );
            let hint = "make it several times `beat_seconds`";
            return Err(self.lease_seconds.error(message, hint));
        }
        Ok(())
    }
}
