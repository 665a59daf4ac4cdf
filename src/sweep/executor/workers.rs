//! Workers of our own.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{JobDevice, RunOrder, defaults};
use crate::check::Check;
use crate::given::given;
use crate::{At, Count, Number, SweepError};

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
    /// Which runs are given out first; `longest_first` if absent.
    pub order: RunOrder,
    /// Attempts of a run that may crash before it is quarantined; 5 if absent.
    pub max_attempts: At<Count>,
    /// Seconds before a run that crashed is tried again, doubled each time, up to 5 minutes; 1 if absent.
    pub retry_seconds: At<Number>,
    /// Seconds between checkpoints of a run; 300 if absent.
    pub checkpoint_seconds: At<Number>,
    /// Seconds of silence after which a run that has begun is stopped as hung; 300 if absent.
    pub stall_seconds: At<Number>,
    /// Seconds that one attempt at a run may take once it has begun; no limit if absent.
    #[serde(deserialize_with = "given")]
    pub max_run_seconds: Option<At<Number>>,
    /// Room on the disk below which no run is given out, bytes; if absent, what checkpoints of the runs side by side can take,
    /// and 100 MB.
    #[serde(deserialize_with = "given")]
    pub disk_reserve_bytes: Option<At<Count>>,
}

impl Default for WorkersExecutor {
    fn default() -> Self {
        Self {
            device: JobDevice::default(),
            threads_per_run: At::nowhere(Count(1)),
            max_pending: At::nowhere(Count(100)),
            lease_seconds: At::nowhere(Number(30.0)),
            beat_seconds: At::nowhere(Number(3.0)),
            deliver_checkpoints: false,
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
    pub(super) fn workers(&self, workers: &WorkersExecutor) -> Result<(), SweepError> {
        self.count("`threads_per_run`", &workers.threads_per_run, 1..=1024)?;
        self.count("`max_pending`", &workers.max_pending, 1..=10_000)?;
        self.within("`beat_seconds`", &workers.beat_seconds, 0.05..=60.0)?;
        self.within("`lease_seconds`", &workers.lease_seconds, 0.1..=1e5)?;
        if workers.lease_seconds.value.0 < 2.0 * workers.beat_seconds.value.0 {
            let message = format!(
                "`lease_seconds` is {}, which is less than two beats of {} s: one word that comes late would cost the run",
                workers.lease_seconds.value.0, workers.beat_seconds.value.0
            );
            return Err(self.at(
                &workers.lease_seconds,
                message,
                "make it several times `beat_seconds`",
            ));
        }
        Ok(())
    }
}
