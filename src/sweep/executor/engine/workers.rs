//! Workers of our own.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::Fault;
use crate::executor::seats::{self, JobDevice};
use crate::executor::settings::{Jobs, Settings};
use crate::{At, Count, Number};

/// Machines on which `isoflop worker` was started; docs/workers.md tells how. `isoflop run` takes `--listen` for them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkersExecutor {
    /// What a run trains on; the CPU if absent.
    pub device: JobDevice,
    /// CPU threads of a run; 1 if absent.
    pub threads_per_run: At<Count>,
    /// Most runs that wait for a worker or are with one; 100 if absent.
    pub max_pending: At<Count>,
    /// Seconds without a word from a worker after which its run may be given to another that has nothing else to do; 30 if absent.
    pub lease_seconds: At<Number>,
    /// Seconds between two words of a worker; 3 if absent.
    pub beat_seconds: At<Number>,
    /// Whether workers deliver checkpoints as they write them, so that another can go on where one died; only those of runs that are
    /// stopped if absent.
    pub deliver_checkpoints: bool,
}

impl Default for WorkersExecutor {
    fn default() -> Self {
        Self {
            device: JobDevice::default(),
            threads_per_run: seats::threads_per_run(),
            max_pending: seats::max_pending(),
            lease_seconds: At::nowhere(Number(30.0)),
            beat_seconds: At::nowhere(Number(3.0)),
            deliver_checkpoints: false,
        }
    }
}

impl Settings for WorkersExecutor {
    fn jobs(&self) -> Option<Jobs<'_>> {
        Some(Jobs {
            device: self.device,
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: None,
            // Workers go on, and deliver to a coordinator.
            outlive_coordinator: false,
        })
    }

    fn check(&self) -> Result<(), Fault> {
        let beat = self.beat_seconds.within("`beat_seconds`", 0.05..=60.0)?;
        let lease = self.lease_seconds.within("`lease_seconds`", 0.1..=1e5)?;
        if lease < 2.0 * beat {
            let message = format!(
                "`lease_seconds` is {lease}, which is less than two beats of {beat} s: one word that comes late would cost the run"
            );
            let hint = "make it several times `beat_seconds`";
            return Err(self.lease_seconds.fault(message, hint));
        }
        Ok(())
    }
}
