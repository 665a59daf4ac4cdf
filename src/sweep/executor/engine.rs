//! The engines, one module each.

mod command;
mod local;
mod ray;
mod slurm;
mod workers;

use schemars::JsonSchema;
use serde::Deserialize;

use super::settings::EngineSettings;
use super::{EngineSlots, StorageSettings};
use crate::error::ValueError;
pub use command::CommandExecutor;
pub use local::{DeviceKind, LocalExecutor};
pub use ray::RayExecutor;
pub use slurm::{SlurmExecutor, SlurmMemory, SlurmTime};
pub use workers::WorkersExecutor;

/// An engine that executes runs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EngineEntry {
    /// This machine.
    Local(LocalExecutor),
    /// Any queue that isoflop drives by three commands, such as PBS or HTCondor.
    Command(CommandExecutor),
    /// Jobs of Slurm.
    Slurm(SlurmExecutor),
    /// Jobs of Ray.
    Ray(RayExecutor),
    /// Machines on which `isoflop worker` runs.
    Workers(WorkersExecutor),
}

impl EngineEntry {
    /// Key of the engine, and its settings.
    fn entry(&self) -> (&'static str, &dyn EngineSettings) {
        match self {
            Self::Local(local) => ("local", local),
            Self::Command(command) => ("command", command),
            Self::Slurm(slurm) => ("slurm", slurm),
            Self::Ray(ray) => ("ray", ray),
            Self::Workers(workers) => ("workers", workers),
        }
    }

    /// Key of the engine in the sweep file.
    pub fn name(&self) -> &'static str {
        self.entry().0
    }

    /// Slots on other machines; `None` for this machine, whose devices determine its slots.
    pub fn slots(&self) -> Option<EngineSlots> {
        self.entry().1.jobs().map(|jobs| jobs.slots())
    }

    /// Storage for jobs that share no file system with this machine.
    pub fn storage(&self) -> Option<&StorageSettings> {
        self.entry().1.jobs()?.storage
    }

    /// True if runs continue after isoflop exits, and deliver their files without it.
    pub fn outlives_coordinator(&self) -> bool {
        self.entry()
            .1
            .jobs()
            .is_some_and(|jobs| jobs.outlive_coordinator)
    }

    pub(super) fn check(&self) -> Result<(), ValueError> {
        let (_, settings) = self.entry();
        settings.check()?;
        settings.jobs().map_or(Ok(()), |jobs| jobs.check())
    }
}
