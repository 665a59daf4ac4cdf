//! What runs of a sweep execute on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::listen::{ListenOptions, workers};
use super::{AppError, ErrorKind, Listener};
use isoflop_core::run::{Device, SweepDir};
use isoflop_dispatch::executor::{
    Commands, Depot, DepotTerms, Dialect, Engines, Executor as Engine, Queue, Ray, Resources, Slot,
    Slurm, StorageAddress, Token, Trainer, engine_names, slots,
};
use isoflop_sweep::{At, CommandExecutor, Executor, JobDevice, Number, RayExecutor, Storage};

/// The places that a sweep's settings give to runs, engine by engine.
pub(crate) fn places(executor: &Executor) -> Result<Vec<Slot>, AppError> {
    let mut places = Vec::new();
    for (engine, settings) in executor.engines().into_iter().enumerate() {
        places.extend(
            places_of(settings)?
                .into_iter()
                .map(|slot| Slot { engine, ..slot }),
        );
    }
    Ok(places)
}

fn places_of(executor: &Executor) -> Result<Vec<Slot>, AppError> {
    let on = |gpus: u64| {
        if gpus == 0 {
            JobDevice::Cpu
        } else {
            JobDevice::Cuda
        }
    };
    let (device, threads, seats) = match executor {
        Executor::Local(local) => return Ok(slots(local)?),
        Executor::Command(command) => (
            command.device,
            &command.threads_per_run,
            &command.max_pending,
        ),
        Executor::Slurm(slurm) => (
            on(slurm.gpus.value.0),
            &slurm.threads_per_run,
            &slurm.max_pending,
        ),
        Executor::Ray(ray) => (on(ray.gpus.value.0), &ray.threads_per_run, &ray.max_pending),
        Executor::Workers(workers) => (
            workers.device,
            &workers.threads_per_run,
            &workers.max_pending,
        ),
        Executor::Several(_) => return Err(nested()),
    };
    Ok(vec![
        seat(device, threads.value.0 as u32);
        seats.value.0 as usize
    ])
}

/// A sweep file that says so is refused when it is read.
fn nested() -> AppError {
    AppError::new(
        ErrorKind::BadSweep,
        "`several` stands within `several`",
        "list all engines in one `engines`",
    )
}

/// A job has the machine, or the GPU, that is given to it elsewhere.
fn seat(device: JobDevice, threads: u32) -> Slot {
    let device = match device {
        JobDevice::Cpu => Device::Cpu,
        JobDevice::Cuda => Device::Cuda(0),
    };
    Slot {
        here: false,
        ..Slot::here(device, threads)
    }
}

/// The seats of each of several engines, in words; nothing where there is one.
pub fn by_engine(executor: &Executor, slots: &[Slot]) -> Option<String> {
    let engines = executor.engines();
    let names = engine_names(
        &engines
            .iter()
            .map(|engine| engine.name())
            .collect::<Vec<_>>(),
    );
    let of_engine = |(engine, name): (usize, &String)| {
        let count = slots.iter().filter(|slot| slot.engine == engine).count();
        format!("{count} by {name}")
    };
    (names.len() > 1).then(|| {
        names
            .iter()
            .enumerate()
            .map(of_engine)
            .collect::<Vec<_>>()
            .join(", ")
    })
}

/// Whether engines train a run with other last bits than their neighbours, in words.
pub fn unlike(slots: &[Slot]) -> Option<&'static str> {
    let kind = |slot: &Slot| {
        (
            slot.device == Device::Cpu,
            if slot.device == Device::Cpu {
                slot.threads
            } else {
                0
            },
        )
    };
    let first = kind(slots.first()?);
    slots.iter().any(|slot| kind(slot) != first).then_some(
        "the engines train on other devices or with other threads a run: which of them takes a run changes the last bits of its loss",
    )
}

/// Whether runs go on where isoflop ends, and deliver without it.
pub(crate) fn outlives_us(executor: &Executor) -> bool {
    executor
        .engines()
        .iter()
        .all(|engine| !matches!(engine, Executor::Local(_) | Executor::Workers(_)))
}

/// The engines of a sweep whose results lie in a folder.
pub(crate) fn engines(
    executor: &Executor,
    dir: &SweepDir,
    trainer: Option<&Path>,
    listen: &ListenOptions,
    listener: &mut dyn Listener,
) -> Result<Engines, AppError> {
    let made = executor
        .engines()
        .into_iter()
        .map(|one| Ok((one.name(), engine(one, dir, trainer, listen, listener)?)));
    Ok(Engines::new(made.collect::<Result<Vec<_>, AppError>>()?))
}

fn engine(
    executor: &Executor,
    dir: &SweepDir,
    trainer: Option<&Path>,
    listen: &ListenOptions,
    listener: &mut dyn Listener,
) -> Result<Arc<dyn Engine>, AppError> {
    let find = || Trainer::find(trainer);
    let nowhere = |e: std::io::Error| {
        let message = format!("isoflop and its trainer have no path that jobs could use: {e}");
        AppError::new(
            ErrorKind::ExecutorUnreachable,
            message,
            "start it from a folder that is there, by a path that is there",
        )
    };
    let (dialect, poll, grace) = match executor {
        Executor::Local(_) => return Ok(Arc::new(find()?)),
        // The trainer lies with the workers.
        Executor::Workers(settings) => {
            return Ok(Arc::new(workers(settings, listen, dir, listener)?));
        }
        Executor::Command(command) => (
            commands(command),
            &command.poll_seconds,
            &command.grace_seconds,
        ),
        Executor::Slurm(slurm) => {
            let dialect = Dialect::Slurm(Box::new(Slurm::new(slurm, dir).map_err(nowhere)?));
            (dialect, &slurm.poll_seconds, &slurm.grace_seconds)
        }
        Executor::Ray(ray) => (
            Dialect::Ray(connect(ray)?),
            &ray.poll_seconds,
            &ray.grace_seconds,
        ),
        Executor::Several(_) => return Err(nested()),
    };
    let (every, grace) = (seconds(poll.value), seconds(grace.value));
    Ok(Arc::new(match executor.storage() {
        // The trainer lies where jobs do.
        Some(storage) => Queue::by_way_of(depot(storage)?, dialect, every, grace),
        None => Queue::new(dialect, every, grace, &find()?).map_err(nowhere)?,
    }))
}

fn depot(storage: &Storage) -> Result<Depot, AppError> {
    let Storage {
        url,
        endpoint,
        region,
        isoflop,
        beat_seconds,
    } = storage;
    let word = |word: &Option<At<String>>| word.as_ref().map(|word| word.value.clone());
    let address = StorageAddress {
        url: url.value.clone(),
        endpoint: word(endpoint),
        region: word(region),
    };
    let terms = DepotTerms {
        isoflop: isoflop.value.clone(),
        beat: seconds(beat_seconds.value),
    };
    Depot::open(address, terms).map_err(|words| {
        let message = format!("the storage `{}` cannot be used: {words}", url.value);
        let hint = "check `storage` in the sweep, that the bucket is there, and the `AWS_` variables of one who may write to it; docs/storage.md explains them";
        AppError::new(ErrorKind::ExecutorUnreachable, message, hint)
    })
}

fn seconds(number: Number) -> Duration {
    Duration::from_secs_f64(number.0)
}

fn commands(command: &CommandExecutor) -> Dialect {
    let CommandExecutor {
        submit,
        poll,
        cancel,
        ..
    } = command;
    let [submit, poll, cancel] = [submit, poll, cancel].map(|words| words.value.clone());
    Dialect::Commands(Commands {
        submit,
        poll,
        cancel,
    })
}

fn connect(ray: &RayExecutor) -> Result<Ray, AppError> {
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
        AppError::new(
            ErrorKind::ExecutorUnreachable,
            message,
            "install certificates, as `ca-certificates` of Debian has them",
        )
    })
}
