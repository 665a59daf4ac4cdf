//! Where runs execute. None of it is part of a run's identity.

mod command;
mod list;
mod local;
mod old_form;
mod ray;
mod seats;
mod slurm;
mod storage;
mod workers;

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Check;
use super::{SweepError, SweepFile};
pub use command::CommandExecutor;
pub use list::ExecutorList;
pub use local::{DeviceKind, LocalExecutor};
pub(super) use old_form::refusal;
pub use ray::RayExecutor;
pub use seats::{JobDevice, Seats};
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
}

/// An engine's own settings, which answer for it.
trait Settings {
    /// The key that they stand under.
    fn name(&self) -> &'static str;

    /// The seats on other machines; nothing where this machine's devices say.
    fn seats(&self) -> Option<Seats>;

    /// By which storage attempts are exchanged with jobs that share no file system with this machine.
    fn storage(&self) -> Option<&Storage> {
        None
    }

    /// Whether runs go on where isoflop ends, and deliver without it.
    fn outlives_coordinator(&self) -> bool;

    /// Refuses values that make no sense.
    fn check(&self, check: &Check<'_>) -> Result<(), SweepError>;
}

impl Executor {
    fn settings(&self) -> &dyn Settings {
        match self {
            Self::Local(local) => local,
            Self::Command(command) => command,
            Self::Slurm(slurm) => slurm,
            Self::Ray(ray) => ray,
            Self::Workers(workers) => workers,
        }
    }

    /// The key that it stands under.
    pub fn name(&self) -> &'static str {
        self.settings().name()
    }

    /// The seats on other machines; nothing where this machine's devices say.
    pub fn seats(&self) -> Option<Seats> {
        self.settings().seats()
    }

    /// By which storage attempts are exchanged with jobs, if they share no file system with this machine.
    pub fn storage(&self) -> Option<&Storage> {
        self.settings().storage()
    }

    /// Whether runs go on where isoflop ends, and deliver without it.
    pub fn outlives_coordinator(&self) -> bool {
        self.settings().outlives_coordinator()
    }
}

impl Check<'_> {
    /// Where runs execute, and how they are treated there.
    pub(super) fn execution(&self, file: &SweepFile) -> Result<(), SweepError> {
        self.policy(&file.policy)?;
        self.queue(&file.queue)?;
        self.executors(&file.executor)
    }

    fn executor(&self, executor: &Executor) -> Result<(), SweepError> {
        executor.settings().check(self)?;
        self.storage(executor.storage())
    }
}

impl SweepFile {
    /// Checks where runs execute, and how they are treated there.
    ///
    /// # Errors
    /// [`SweepError`] for settings that make no sense.
    pub fn check_execution(&self, path: &Path) -> Result<(), SweepError> {
        Check { path }.execution(self)
    }
}
