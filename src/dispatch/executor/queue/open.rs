//! Executors for the settings of engines with a queue.

use std::sync::Arc;

use super::backend::{BackendSetupError, RayBackend, SlurmBackend};
use super::engine::QueueExecutor;
use super::job::JobFiles;
use isoflop_core::run::SweepDir;
use isoflop_sweep::{EngineEntry, QueuePolicy};

/// Makes the executor for an engine's settings. `None` if the engine has no queue. `files` gives
/// jobs access to their files. It is called only if the engine has a queue.
///
/// # Errors
/// [`BackendSetupError`] if the queue backend cannot be set up, and the errors of `files`.
pub fn queue<E: From<BackendSetupError>>(
    settings: &EngineEntry,
    policy: &QueuePolicy,
    sweep: &SweepDir,
    files: impl FnOnce() -> Result<JobFiles, E>,
) -> Result<Option<Arc<dyn crate::executor::Executor>>, E> {
    Ok(Some(match settings {
        EngineEntry::Local(_) | EngineEntry::Workers(_) => return Ok(None),
        EngineEntry::Command(commands) => {
            Arc::new(QueueExecutor::new(commands.clone(), policy, files()?))
        }
        EngineEntry::Slurm(settings) => {
            let slurm = SlurmBackend::new(settings, sweep).map_err(BackendSetupError::Nowhere)?;
            Arc::new(QueueExecutor::new(slurm, policy, files()?))
        }
        EngineEntry::Ray(settings) => Arc::new(QueueExecutor::new(
            RayBackend::new(settings)?,
            policy,
            files()?,
        )),
    }))
}
