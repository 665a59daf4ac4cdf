//! The engines that there are, a file each.

mod command;
mod local;
mod ray;
mod slurm;
mod workers;

use schemars::JsonSchema;
use serde::Deserialize;

use super::settings::Settings;
use super::{Seats, Storage};
use crate::error::Fault;
pub use command::CommandExecutor;
pub use local::{DeviceKind, LocalExecutor};
pub use ray::RayExecutor;
pub use slurm::{SlurmExecutor, SlurmMemory, SlurmTime};
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

impl Executor {
    /// The key that it stands under, and its settings.
    fn entry(&self) -> (&'static str, &dyn Settings) {
        match self {
            Self::Local(local) => ("local", local),
            Self::Command(command) => ("command", command),
            Self::Slurm(slurm) => ("slurm", slurm),
            Self::Ray(ray) => ("ray", ray),
            Self::Workers(workers) => ("workers", workers),
        }
    }

    /// The key that it stands under.
    pub fn name(&self) -> &'static str {
        self.entry().0
    }

    /// The seats on other machines; nothing where this machine's devices say.
    pub fn seats(&self) -> Option<Seats> {
        self.entry().1.jobs().map(|jobs| jobs.seats())
    }

    /// By which storage attempts are exchanged with jobs, if they share no file system with this machine.
    pub fn storage(&self) -> Option<&Storage> {
        self.entry().1.jobs()?.storage
    }

    /// Whether runs go on where isoflop ends, and deliver without it.
    pub fn outlives_coordinator(&self) -> bool {
        self.entry()
            .1
            .jobs()
            .is_some_and(|jobs| jobs.outlive_coordinator)
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let (_, settings) = self.entry();
        settings.check()?;
        settings.jobs().map_or(Ok(()), |jobs| jobs.check())
    }
}
