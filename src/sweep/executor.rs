//! Where and how runs execute. None of it is part of a run's identity.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Check;
use super::given::given;
use super::{At, Count, Number, SweepError, SweepFile};

/// Where runs execute.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Executor {
    /// On this machine.
    Local(LocalExecutor),
}

impl Default for Executor {
    fn default() -> Self {
        Self::Local(LocalExecutor::default())
    }
}

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
            order: RunOrder::LongestFirst,
            max_attempts: At::nowhere(Count(5)),
            retry_seconds: At::nowhere(Number(1.0)),
            checkpoint_seconds: At::nowhere(Number(300.0)),
            stall_seconds: At::nowhere(Number(300.0)),
            max_run_seconds: None,
            disk_reserve_bytes: None,
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

/// Which of the runs that wait are started first, by the estimate of their time; priorities go before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOrder {
    /// The dearest.
    LongestFirst,
    /// The cheapest.
    CheapestFirst,
    /// As the sweep lists them.
    AsListed,
}

impl Check<'_> {
    pub(super) fn executor(&self, executor: &Executor) -> Result<(), SweepError> {
        let Executor::Local(local) = executor;
        for (name, count, most) in
            [("`slots`", &local.slots, 1024), ("`threads_per_run`", &local.threads_per_run, 1024)]
        {
            if let Some(count) = count {
                self.count(name, count, 1..=most)?;
            }
        }
        self.count("`runs_per_device`", &local.runs_per_device, 1..=64)?;
        self.count("`max_attempts`", &local.max_attempts, 1..=100)?;
        self.within("`retry_seconds`", &local.retry_seconds, 0.0..=300.0)?;
        self.within("`checkpoint_seconds`", &local.checkpoint_seconds, 0.01..=1e6)?;
        if let Some(limit) = &local.max_run_seconds {
            self.within("`max_run_seconds`", limit, 1.0..=1e8)?;
        }
        self.within("`stall_seconds`", &local.stall_seconds, 1.0..=1e6).map(drop)
    }
}

impl SweepFile {
    /// Where runs execute.
    ///
    /// # Errors
    /// [`SweepError`] for settings that make no sense.
    pub fn checked_executor(self, path: &Path) -> Result<Executor, SweepError> {
        Check { path }.executor(&self.executor)?;
        Ok(self.executor)
    }
}
