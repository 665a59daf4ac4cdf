//! What runs of a sweep execute on.

use std::sync::Arc;
use std::time::Duration;

use super::args::TrainerArgs;
use super::listen::workers;
use super::worker_args::ListenArgs;
use super::{Exit, Failed};
use crate::executor::{Commands, Dialect, Executor as Engine, Queue, Slot, Trainer, slots};
use crate::run::{Device, SweepDir};
use crate::sweep::{At, CommandExecutor, Count, Executor, JobDevice, WorkersExecutor};

/// The places that a sweep's settings give to runs.
pub(super) fn places(executor: &Executor) -> Result<Vec<Slot>, Failed> {
    match executor {
        Executor::Local(local) => Ok(slots(local)?),
        Executor::Command(CommandExecutor { device, threads_per_run, max_pending, .. })
        | Executor::Workers(WorkersExecutor { device, threads_per_run, max_pending, .. }) => {
            Ok(vec![seat(*device, threads_per_run); max_pending.value.0 as usize])
        }
    }
}

/// A job has the machine, or the GPU, that is given to it elsewhere.
fn seat(device: JobDevice, threads: &At<Count>) -> Slot {
    let device = match device {
        JobDevice::Cpu => Device::Cpu,
        JobDevice::Cuda => Device::Cuda(0),
    };
    Slot { device, threads: threads.value.0 as u32 }
}

/// Whether runs execute on this machine: its memory is what they have, and their steps take as long as they do here.
pub(super) fn is_here(executor: &Executor) -> bool {
    matches!(executor, Executor::Local(_))
}

/// Whether runs go on where isoflop ends, and deliver without it.
pub(super) fn outlives_us(executor: &Executor) -> bool {
    matches!(executor, Executor::Command(_))
}

/// The engine of a sweep whose results lie in a folder.
pub(super) fn engine(
    executor: &Executor,
    dir: &SweepDir,
    trainer: &TrainerArgs,
    listen: &ListenArgs,
) -> Result<Arc<dyn Engine>, Failed> {
    let find = || Trainer::find(trainer.trainer.as_deref());
    match executor {
        Executor::Local(_) => Ok(Arc::new(find()?)),
        Executor::Command(command) => Ok(Arc::new(queue(command, &find()?)?)),
        // The trainer lies with the workers.
        Executor::Workers(settings) => Ok(Arc::new(workers(settings, listen, dir)?)),
    }
}

fn queue(command: &CommandExecutor, trainer: &Trainer) -> Result<Queue, Failed> {
    let CommandExecutor { submit, poll, cancel, poll_seconds, grace_seconds, .. } = command;
    let [submit, poll, cancel] = [submit, poll, cancel].map(|words| words.value.clone());
    let [every, grace] = [poll_seconds, grace_seconds].map(|seconds| Duration::from_secs_f64(seconds.value.0));
    let queue = Queue::new(Dialect::Commands(Commands { submit, poll, cancel }), every, grace, trainer);
    queue.map_err(|e| {
        let message = format!("isoflop and its trainer have no path that jobs could use: {e}");
        Failed::new(Exit::ExecutorUnreachable, message, "start it from a folder that is there, by a path that is there")
    })
}
