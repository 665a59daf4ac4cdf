//! Which settings of a sweep are those of an engine with a queue.

use std::sync::Arc;

use super::dialect::{DialectError, Ray, Slurm};
use super::engine::Queue;
use super::job::JobFiles;
use isoflop_core::run::SweepDir;
use isoflop_sweep::{Executor, QueuePolicy};

/// The engine of these settings, for the sweep of a folder; nothing where it has no queue. `files` says how a job comes by its
/// files; it is asked only where there is a queue.
///
/// # Errors
/// [`DialectError`] when it cannot be spoken to from here, and what `files` says.
pub fn queue<E: From<DialectError>>(
    settings: &Executor,
    policy: &QueuePolicy,
    sweep: &SweepDir,
    files: impl FnOnce() -> Result<JobFiles, E>,
) -> Result<Option<Arc<dyn crate::executor::Executor>>, E> {
    Ok(Some(match settings {
        Executor::Local(_) | Executor::Workers(_) => return Ok(None),
        Executor::Command(commands) => Arc::new(Queue::new(commands.clone(), policy, files()?)),
        Executor::Slurm(settings) => {
            let slurm = Slurm::new(settings, sweep).map_err(DialectError::Nowhere)?;
            Arc::new(Queue::new(slurm, policy, files()?))
        }
        Executor::Ray(settings) => Arc::new(Queue::new(Ray::new(settings)?, policy, files()?)),
    }))
}
