//! What runs of a sweep execute on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::args::TrainerArgs;
use super::listen::workers;
use super::worker_args::ListenArgs;
use super::{Exit, Failed, output};
use crate::executor::{
    Commands, Depot, DepotTerms, Dialect, Executor as Engine, Queue, Ray, Resources, Slot, Slurm, StorageAddress,
    Token, TokenError, Trainer, slots,
};
use crate::run::{Device, SweepDir};
use crate::sweep::{At, CommandExecutor, Executor, JobDevice, Number, RayExecutor, Storage};

/// The places that a sweep's settings give to runs.
pub(super) fn places(executor: &Executor) -> Result<Vec<Slot>, Failed> {
    let on = |gpus: u64| if gpus == 0 { JobDevice::Cpu } else { JobDevice::Cuda };
    let (device, threads, seats) = match executor {
        Executor::Local(local) => return Ok(slots(local)?),
        Executor::Command(command) => (command.device, &command.threads_per_run, &command.max_pending),
        Executor::Slurm(slurm) => (on(slurm.gpus.value.0), &slurm.threads_per_run, &slurm.max_pending),
        Executor::Ray(ray) => (on(ray.gpus.value.0), &ray.threads_per_run, &ray.max_pending),
        Executor::Workers(workers) => (workers.device, &workers.threads_per_run, &workers.max_pending),
    };
    Ok(vec![seat(device, threads.value.0 as u32); seats.value.0 as usize])
}

/// A job has the machine, or the GPU, that is given to it elsewhere.
fn seat(device: JobDevice, threads: u32) -> Slot {
    let device = match device {
        JobDevice::Cpu => Device::Cpu,
        JobDevice::Cuda => Device::Cuda(0),
    };
    Slot { device, threads }
}

/// Whether runs execute on this machine: its memory is what they have, and their steps take as long as they do here.
pub(super) fn is_here(executor: &Executor) -> bool {
    matches!(executor, Executor::Local(_))
}

/// Whether runs go on where isoflop ends, and deliver without it.
pub(super) fn outlives_us(executor: &Executor) -> bool {
    !matches!(executor, Executor::Local(_) | Executor::Workers(_))
}

/// The engine of a sweep whose results lie in a folder.
pub(super) fn engine(
    executor: &Executor,
    dir: &SweepDir,
    trainer: &TrainerArgs,
    listen: &ListenArgs,
) -> Result<Arc<dyn Engine>, Failed> {
    let find = || Trainer::find(trainer.trainer.as_deref());
    let nowhere = |e: std::io::Error| {
        let message = format!("isoflop and its trainer have no path that jobs could use: {e}");
        Failed::new(Exit::ExecutorUnreachable, message, "start it from a folder that is there, by a path that is there")
    };
    let (dialect, poll, grace) = match executor {
        Executor::Local(_) => return Ok(Arc::new(find()?)),
        // The trainer lies with the workers.
        Executor::Workers(settings) => return Ok(Arc::new(workers(settings, listen, dir)?)),
        Executor::Command(command) => (commands(command), &command.poll_seconds, &command.grace_seconds),
        Executor::Slurm(slurm) => {
            let dialect = Dialect::Slurm(Box::new(Slurm::new(slurm, dir).map_err(nowhere)?));
            (dialect, &slurm.poll_seconds, &slurm.grace_seconds)
        }
        Executor::Ray(ray) => (Dialect::Ray(connect(ray)?), &ray.poll_seconds, &ray.grace_seconds),
    };
    let (every, grace) = (seconds(poll.value), seconds(grace.value));
    Ok(Arc::new(match executor.storage() {
        // The trainer lies where jobs do.
        Some(storage) => Queue::by_way_of(depot(storage)?, dialect, every, grace),
        None => Queue::new(dialect, every, grace, &find()?).map_err(nowhere)?,
    }))
}

fn depot(storage: &Storage) -> Result<Depot, Failed> {
    let Storage { url, endpoint, region, isoflop, beat_seconds } = storage;
    let word = |word: &Option<At<String>>| word.as_ref().map(|word| word.value.clone());
    let address = StorageAddress { url: url.value.clone(), endpoint: word(endpoint), region: word(region) };
    let terms = DepotTerms { isoflop: isoflop.value.clone(), beat: seconds(beat_seconds.value) };
    Depot::open(address, terms, |words| output::remark(words)).map_err(|words| {
        let message = format!("the storage `{}` cannot be used: {words}", url.value);
        let hint = "check `storage` in the sweep, that the bucket is there, and the `AWS_` variables of one who may write to it; docs/storage.md explains them";
        Failed::new(Exit::ExecutorUnreachable, message, hint)
    })
}

fn seconds(number: Number) -> Duration {
    Duration::from_secs_f64(number.0)
}

fn commands(command: &CommandExecutor) -> Dialect {
    let CommandExecutor { submit, poll, cancel, .. } = command;
    let [submit, poll, cancel] = [submit, poll, cancel].map(|words| words.value.clone());
    Dialect::Commands(Commands { submit, poll, cancel })
}

fn connect(ray: &RayExecutor) -> Result<Ray, Failed> {
    let path = ray.token_path(std::env::var_os("HOME").map(PathBuf::from));
    let token = path.as_deref().map(Token::read).transpose()?;
    let wanted = Resources {
        cpus: ray.threads_per_run.value.0 as u32,
        gpus: ray.gpus.value.0 as u32,
        memory: ray.memory_bytes.as_ref().map(|memory| memory.value.0),
        pending: seconds(ray.pending_seconds.value),
    };
    Ray::new(&ray.address.value, token, wanted).map_err(|words| {
        let message = format!("nothing can be asked over HTTP from here: {words}");
        Failed::new(Exit::ExecutorUnreachable, message, "install certificates, as `ca-certificates` of Debian has them")
    })
}

impl From<TokenError> for Failed {
    fn from(error: TokenError) -> Self {
        let hint = match &error {
            TokenError::Unreadable(..) => "give the path of a file that you can read".to_owned(),
            TokenError::Open { path, .. } => {
                format!("`chmod 600 {}`, and make a new token if others may have read it", path.display())
            }
            TokenError::NoToken(_) => "put the token into it, and nothing else".to_owned(),
        };
        Self::new(Exit::ExecutorUnreachable, error, hint)
    }
}
