//! What runs of a sweep execute on.

use std::io;
use std::sync::Arc;

use super::drive_request::DriveRequest;
use super::listen::workers;
use super::{AppError, ErrorKind, Listener};
use isoflop_core::run::{Device, SweepDir};
use isoflop_dispatch::exchange::Depot;
use isoflop_dispatch::executor::{
    DialectError, Engines, Executor as Engine, JobFiles, Slot, Trainer, engine_names, queue, slots,
};
use isoflop_sweep::{Executor, ExecutorList, JobDevice, Seats, Storage, SweepFile};

/// The places that a sweep's settings give to runs, engine by engine.
pub(crate) fn places(executors: &ExecutorList) -> Result<Vec<Slot>, AppError> {
    let mut places = Vec::new();
    for (engine, settings) in executors.iter().enumerate() {
        let of_engine = match settings {
            Executor::Local(local) => slots(local)?,
            elsewhere => elsewhere.seats().map_or_else(Vec::new, seats),
        };
        places.extend(of_engine.into_iter().map(|slot| Slot { engine, ..slot }));
    }
    Ok(places)
}

/// A job has the machine, or the GPU, that is given to it elsewhere.
fn seats(seats: Seats) -> Vec<Slot> {
    let device = match seats.device {
        JobDevice::Cpu => Device::Cpu,
        JobDevice::Cuda => Device::Cuda(0),
    };
    let seat = Slot {
        here: false,
        ..Slot::here(device, seats.threads)
    };
    vec![seat; seats.count]
}

/// The seats of each of several engines, in words; nothing where there is one.
pub fn by_engine(executors: &ExecutorList, slots: &[Slot]) -> Option<String> {
    let names = engine_names(&executors.iter().map(Executor::name).collect::<Vec<_>>());
    let of_engine = |(engine, name): (usize, &String)| {
        let count = slots.iter().filter(|slot| slot.engine == engine).count();
        format!("{count} by {name}")
    };
    let words: Vec<String> = names.iter().enumerate().map(of_engine).collect();
    (words.len() > 1).then(|| words.join(", "))
}

/// Whether engines train a run with other last bits than their neighbours, in words.
pub fn unlike(slots: &[Slot]) -> Option<&'static str> {
    let kind = |slot: &Slot| (slot.device == Device::Cpu).then_some(slot.threads);
    let first = kind(slots.first()?);
    slots.iter().any(|slot| kind(slot) != first).then_some(
        "the engines train on other devices or with other threads a run: which of them takes a run changes the last bits of its loss",
    )
}

/// The engines of a sweep whose results lie in a folder.
pub(crate) fn engines(
    file: &SweepFile,
    dir: &SweepDir,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Engines, AppError> {
    let made = file.executor.value.iter().map(|settings| {
        let engine = engine(settings, file, dir, request, listener)?;
        Ok((settings.name(), engine))
    });
    Ok(Engines::new(made.collect::<Result<Vec<_>, AppError>>()?))
}

fn engine(
    settings: &Executor,
    file: &SweepFile,
    dir: &SweepDir,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Arc<dyn Engine>, AppError> {
    let find = || Trainer::find(request.trainer.as_deref());
    if let Executor::Workers(settings) = settings {
        // The trainer lies with the workers.
        return Ok(Arc::new(workers(settings, &request.listen, dir, listener)?));
    }
    let files = || match settings.storage() {
        // The trainer lies where jobs do.
        Some(storage) => Ok(JobFiles::Stored(depot(storage)?)),
        None => JobFiles::shared(&find()?).map_err(nowhere),
    };
    Ok(match queue(settings, &file.queue, dir, files)? {
        Some(queue) => queue,
        None => Arc::new(find()?),
    })
}

fn depot(storage: &Storage) -> Result<Depot, AppError> {
    Depot::open(storage).map_err(|words| {
        let url = &storage.url.value;
        let message = format!("the storage `{url}` cannot be used: {words}");
        let hint = "check `storage` in the sweep, that the bucket is there, and the `AWS_` variables of one who may write to it; docs/storage.md explains them";
        AppError::new(ErrorKind::ExecutorUnreachable, message, hint)
    })
}

fn nowhere(error: io::Error) -> AppError {
    AppError::new(
        ErrorKind::ExecutorUnreachable,
        format!("isoflop and its trainer have no path that jobs could use: {error}"),
        "start it from a folder that is there, by a path that is there",
    )
}

impl From<DialectError> for AppError {
    fn from(error: DialectError) -> Self {
        match error {
            DialectError::Nowhere(error) => nowhere(error),
            DialectError::Token(error) => error.into(),
            DialectError::Http(_) => Self::new(
                ErrorKind::ExecutorUnreachable,
                error,
                "install certificates, as `ca-certificates` of Debian has them",
            ),
        }
    }
}
