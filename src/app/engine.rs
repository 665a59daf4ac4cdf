//! Engines and slots of a sweep.

use std::io;
use std::sync::Arc;

use super::drive_request::DriveRequest;
use super::listen::workers;
use super::{AppError, ErrorKind, Listener};
use isoflop_core::run::{Device, SweepDir};
use isoflop_dispatch::exchange::StorageExchange;
use isoflop_dispatch::executor::{
    BackendSetupError, Engines, Executor as Engine, JobFiles, Slot, TrainerProgram, engine_names,
    queue, slots,
};
use isoflop_sweep::{
    EngineEntry, EngineSlots, ExecutorList, JobDevice, StorageSettings, SweepFile,
};

/// Slots of a sweep's engines, in the order of the engines.
pub(crate) fn engine_slots(executors: &ExecutorList) -> Result<Vec<Slot>, AppError> {
    let mut places = Vec::new();
    for (engine, settings) in executors.iter().enumerate() {
        let of_engine = match settings {
            EngineEntry::Local(local) => slots(local)?,
            elsewhere => elsewhere.slots().map_or_else(Vec::new, job_slots),
        };
        places.extend(of_engine.into_iter().map(|slot| Slot { engine, ..slot }));
    }
    Ok(places)
}

/// Slots of an engine on other machines, one for each job. The engine chooses the machine or GPU.
fn job_slots(seats: EngineSlots) -> Vec<Slot> {
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

/// Number of slots of each engine, as text. `None` if there is one engine.
pub fn slots_by_engine(executors: &ExecutorList, slots: &[Slot]) -> Option<String> {
    let names = engine_names(&executors.iter().map(EngineEntry::name).collect::<Vec<_>>());
    let of_engine = |(engine, name): (usize, &String)| {
        let count = slots.iter().filter(|slot| slot.engine == engine).count();
        format!("{count} on {name}")
    };
    let words: Vec<String> = names.iter().enumerate().map(of_engine).collect();
    (words.len() > 1).then(|| words.join(", "))
}

/// A note for engines that differ in device or threads, so that the last bits of losses differ.
pub fn engine_difference(slots: &[Slot]) -> Option<&'static str> {
    let kind = |slot: &Slot| (slot.device == Device::Cpu).then_some(slot.threads);
    let first = kind(slots.first()?);
    slots.iter().any(|slot| kind(slot) != first).then_some(
        "the engines differ in device or in threads per run, so the last bits of a loss depend on the engine that trains the run",
    )
}

/// Creates the engines of a sweep.
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
    settings: &EngineEntry,
    file: &SweepFile,
    dir: &SweepDir,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Arc<dyn Engine>, AppError> {
    let find = || TrainerProgram::find(request.trainer.as_deref());
    if let EngineEntry::Workers(settings) = settings {
        // Each worker has its own trainer.
        return Ok(Arc::new(workers(settings, &request.listen, dir, listener)?));
    }
    let files = || match settings.storage() {
        // Jobs use the trainer of the machine that executes them.
        Some(storage) => Ok(JobFiles::Stored(open_storage(storage)?)),
        None => JobFiles::shared(&find()?).map_err(path_error),
    };
    Ok(match queue(settings, &file.queue, dir, files)? {
        Some(queue) => queue,
        None => Arc::new(find()?),
    })
}

fn open_storage(storage: &StorageSettings) -> Result<StorageExchange, AppError> {
    StorageExchange::open(storage).map_err(|words| {
        let url = &storage.url.value;
        let message = format!("cannot use the storage `{url}`: {words}");
        let hint = "check `storage` in the sweep file, that the bucket exists, and that the `AWS_` variables allow writing to it; see docs/storage.md";
        AppError::new(ErrorKind::ExecutorUnreachable, message, hint)
    })
}

fn path_error(error: io::Error) -> AppError {
    AppError::new(
        ErrorKind::ExecutorUnreachable,
        format!("cannot find the paths of isoflop and its trainer, which jobs need: {error}"),
        "start isoflop in a folder that exists, by a path that exists",
    )
}

impl From<BackendSetupError> for AppError {
    fn from(error: BackendSetupError) -> Self {
        match error {
            BackendSetupError::Nowhere(error) => path_error(error),
            BackendSetupError::Token(error) => error.into(),
            BackendSetupError::Http(_) => Self::new(
                ErrorKind::ExecutorUnreachable,
                error,
                "install root certificates, for example Debian's package `ca-certificates`",
            ),
        }
    }
}
