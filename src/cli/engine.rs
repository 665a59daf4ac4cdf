//! What runs of a sweep execute on.

use std::sync::Arc;
use std::time::Duration;

use super::args::TrainerArgs;
use super::{Exit, Failed};
use crate::executor::{Commands, Dialect, Executor as Engine, Queue, Slot, Slurm, Trainer, slots};
use crate::run::{Device, SweepDir};
use crate::sweep::{At, CommandExecutor, Count, Executor, JobDevice, SlurmExecutor};

/// The places that a sweep's settings give to runs.
pub(super) fn places(executor: &Executor) -> Result<Vec<Slot>, Failed> {
    match executor {
        Executor::Local(local) => Ok(slots(local)?),
        Executor::Command(CommandExecutor { device, threads_per_run, max_pending, .. }) => {
            Ok(seats(*device, threads_per_run, max_pending))
        }
        Executor::Slurm(SlurmExecutor { gpus, threads_per_run, max_pending, .. }) => {
            let device = if gpus.value.0 == 0 { JobDevice::Cpu } else { JobDevice::Cuda };
            Ok(seats(device, threads_per_run, max_pending))
        }
    }
}

/// Places at an engine with a queue: a job has the machine, or the GPU, that the engine gives it.
fn seats(device: JobDevice, threads: &At<Count>, most: &At<Count>) -> Vec<Slot> {
    let device = match device {
        JobDevice::Cpu => Device::Cpu,
        JobDevice::Cuda => Device::Cuda(0),
    };
    vec![Slot { device, threads: threads.value.0 as u32 }; most.value.0 as usize]
}

/// Whether runs execute on this machine: its memory is what they have, and their steps take as long as they do here.
pub(super) fn is_here(executor: &Executor) -> bool {
    matches!(executor, Executor::Local(_))
}

/// The engine of a sweep whose results lie in a folder.
pub(super) fn engine(executor: &Executor, dir: &SweepDir, trainer: &TrainerArgs) -> Result<Arc<dyn Engine>, Failed> {
    let trainer = Trainer::find(trainer.trainer.as_deref())?;
    let nowhere = |e: std::io::Error| {
        let message = format!("isoflop and its trainer have no path that jobs could use: {e}");
        Failed::new(Exit::ExecutorUnreachable, message, "start it from a folder that is there, by a path that is there")
    };
    let (dialect, poll_seconds, grace_seconds) = match executor {
        Executor::Local(_) => return Ok(Arc::new(trainer)),
        Executor::Command(CommandExecutor { submit, poll, cancel, poll_seconds, grace_seconds, .. }) => {
            let [submit, poll, cancel] = [submit, poll, cancel].map(|words| words.value.clone());
            (Dialect::Commands(Commands { submit, poll, cancel }), poll_seconds, grace_seconds)
        }
        Executor::Slurm(slurm) => {
            let dialect = Dialect::Slurm(Box::new(Slurm::new(slurm, dir).map_err(nowhere)?));
            (dialect, &slurm.poll_seconds, &slurm.grace_seconds)
        }
    };
    let [every, grace] = [poll_seconds, grace_seconds].map(|seconds| Duration::from_secs_f64(seconds.value.0));
    Ok(Arc::new(Queue::new(dialect, every, grace, &trainer).map_err(nowhere)?))
}
