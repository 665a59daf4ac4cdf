//! What runs of a sweep execute on.

use std::sync::Arc;
use std::time::Duration;

use super::args::TrainerArgs;
use super::{Exit, Failed};
use crate::executor::{Commands, Dialect, Executor as Engine, Queue, Slot, Trainer, slots};
use crate::run::Device;
use crate::sweep::{CommandExecutor, Executor, JobDevice};

/// The places that a sweep's settings give to runs.
pub(super) fn places(executor: &Executor) -> Result<Vec<Slot>, Failed> {
    match executor {
        Executor::Local(local) => Ok(slots(local)?),
        Executor::Command(command) => Ok(vec![seat(command); command.max_pending.value.0 as usize]),
    }
}

/// A job has the machine, or the GPU, that the engine gives it.
fn seat(command: &CommandExecutor) -> Slot {
    let device = match command.device {
        JobDevice::Cpu => Device::Cpu,
        JobDevice::Cuda => Device::Cuda(0),
    };
    Slot { device, threads: command.threads_per_run.value.0 as u32 }
}

/// Whether runs execute on this machine: its memory is what they have, and their steps take as long as they do here.
pub(super) fn is_here(executor: &Executor) -> bool {
    matches!(executor, Executor::Local(_))
}

/// The engine of a sweep.
pub(super) fn engine(executor: &Executor, trainer: &TrainerArgs) -> Result<Arc<dyn Engine>, Failed> {
    let trainer = Trainer::find(trainer.trainer.as_deref())?;
    let Executor::Command(command) = executor else { return Ok(Arc::new(trainer)) };
    let CommandExecutor { submit, poll, cancel, poll_seconds, grace_seconds, .. } = command;
    let [submit, poll, cancel] = [submit, poll, cancel].map(|words| words.value.clone());
    let [every, grace] = [poll_seconds, grace_seconds].map(|seconds| Duration::from_secs_f64(seconds.value.0));
    let queue = Queue::new(Dialect::Commands(Commands { submit, poll, cancel }), every, grace, &trainer);
    let queue = queue.map_err(|e| {
        let message = format!("isoflop and its trainer have no path that jobs could use: {e}");
        Failed::new(Exit::ExecutorUnreachable, message, "start it from a folder that is there, by a path that is there")
    })?;
    Ok(Arc::new(queue))
}
