//! Where and how runs execute. None of it is part of a run's identity.

mod command;
mod defaults;
mod local;
mod ray;
mod several;
mod slurm;
mod storage;
mod workers;

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Check;
use super::{At, Count, Number, SweepError, SweepFile};
pub use command::{CommandExecutor, JobDevice};
pub use local::LocalExecutor;
pub use ray::RayExecutor;
pub use several::SeveralExecutor;
pub use slurm::{SlurmExecutor, SlurmMemory, SlurmTime};
pub use storage::Storage;
pub use workers::WorkersExecutor;

/// Where runs execute.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Executor {
    /// On this machine.
    Local(LocalExecutor),
    /// By an engine that is told by commands: PBS, HTCondor, whatever has a queue.
    Command(CommandExecutor),
    /// By Slurm.
    Slurm(SlurmExecutor),
    /// By Ray, as jobs.
    Ray(RayExecutor),
    /// On machines where a worker of isoflop was started.
    Workers(WorkersExecutor),
    /// By several of these at once.
    Several(SeveralExecutor),
}

/// How runs are treated, wherever they execute.
#[derive(Clone, Copy, Debug)]
pub struct Treatment<'a> {
    /// Which runs start first.
    pub order: RunOrder,
    /// Attempts of a run that may crash before it is quarantined.
    pub max_attempts: &'a At<Count>,
    /// Seconds before a run that crashed is tried again.
    pub retry_seconds: &'a At<Number>,
    /// Seconds between checkpoints of a run.
    pub checkpoint_seconds: &'a At<Number>,
    /// Seconds of silence after which a run is stopped as hung.
    pub stall_seconds: &'a At<Number>,
    /// Seconds that one attempt at a run may take.
    pub max_run_seconds: Option<&'a At<Number>>,
    /// Room on the disk below which no run is started, bytes.
    pub disk_reserve_bytes: Option<&'a At<Count>>,
}

impl Executor {
    /// The key that it stands under.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Command(_) => "command",
            Self::Slurm(_) => "slurm",
            Self::Ray(_) => "ray",
            Self::Workers(_) => "workers",
            Self::Several(_) => "several",
        }
    }

    /// The engines, one after the other.
    pub fn engines(&self) -> Vec<&Self> {
        match self {
            Self::Several(several) => several
                .engines
                .value
                .iter()
                .map(|engine| &engine.value)
                .collect(),
            one => vec![one],
        }
    }

    /// By which storage attempts are exchanged with jobs, if they share no file system with this machine.
    pub fn storage(&self) -> Option<&Storage> {
        match self {
            Self::Command(command) => command.storage.as_ref(),
            Self::Slurm(slurm) => slurm.storage.as_ref(),
            Self::Ray(ray) => ray.storage.as_ref(),
            Self::Local(_) | Self::Workers(_) | Self::Several(_) => None,
        }
    }

    /// How runs are treated.
    pub fn treatment(&self) -> Treatment<'_> {
        // Keys of the same names: flattened into one struct, a mistake in one of them would have no place in the file.
        macro_rules! of {
            ($engine:expr) => {
                Treatment {
                    order: $engine.order,
                    max_attempts: &$engine.max_attempts,
                    retry_seconds: &$engine.retry_seconds,
                    checkpoint_seconds: &$engine.checkpoint_seconds,
                    stall_seconds: &$engine.stall_seconds,
                    max_run_seconds: $engine.max_run_seconds.as_ref(),
                    disk_reserve_bytes: $engine.disk_reserve_bytes.as_ref(),
                }
            };
        }
        match self {
            Self::Local(local) => of!(local),
            Self::Command(command) => of!(command),
            Self::Slurm(slurm) => of!(slurm),
            Self::Ray(ray) => of!(ray),
            Self::Workers(workers) => of!(workers),
            Self::Several(several) => of!(several),
        }
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self::Local(LocalExecutor::default())
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
        match executor {
            Executor::Local(local) => self.local(local)?,
            Executor::Command(command) => self.command(command)?,
            Executor::Slurm(slurm) => self.slurm(slurm)?,
            Executor::Ray(ray) => self.ray(ray)?,
            Executor::Workers(workers) => self.workers(workers)?,
            Executor::Several(several) => self.several(several)?,
        }
        self.storage(executor.storage())?;
        self.treatment(&executor.treatment())
    }

    /// What engines with a queue have in common.
    fn queue(
        &self,
        threads_per_run: &At<Count>,
        max_pending: &At<Count>,
        poll_seconds: &At<Number>,
        grace_seconds: &At<Number>,
    ) -> Result<(), SweepError> {
        self.count("`threads_per_run`", threads_per_run, 1..=1024)?;
        self.count("`max_pending`", max_pending, 1..=10_000)?;
        self.within("`poll_seconds`", poll_seconds, 0.05..=3600.0)?;
        self.within("`grace_seconds`", grace_seconds, 0.0..=1e5)
            .map(drop)
    }

    fn treatment(&self, treatment: &Treatment<'_>) -> Result<(), SweepError> {
        self.count("`max_attempts`", treatment.max_attempts, 1..=100)?;
        self.within("`retry_seconds`", treatment.retry_seconds, 0.0..=300.0)?;
        self.within(
            "`checkpoint_seconds`",
            treatment.checkpoint_seconds,
            0.01..=1e6,
        )?;
        if let Some(limit) = treatment.max_run_seconds {
            self.within("`max_run_seconds`", limit, 1.0..=1e8)?;
        }
        self.within("`stall_seconds`", treatment.stall_seconds, 1.0..=1e6)
            .map(drop)
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
