//! An attempt that an engine executes, exchanged with its coordinator by way of a storage.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::SignalKind;
use tokio::sync::{Mutex, watch};

use super::attempt::{Seat, carry_out};
use super::folder::Folder;
use super::{Worker, WorkerError};
use crate::exchange::{Bucket, Given, Note, Objects, Shelf, StorageAddress, tag_of};
use crate::executor::{Asked, Signals, Trainer, ask};
use crate::protocol::{Offer, Refusal, version};
use isoflop_core::run::SPEC_VERSION;

/// An attempt in a storage, and what executes it.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// The storage.
    pub storage: StorageAddress,
    /// The attempt.
    pub tag: String,
    /// The trainer.
    pub trainer: Trainer,
    /// A folder for what is fetched and made, which is not there yet and is not left.
    pub scratch: PathBuf,
}

/// What became of an attempt here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// It is over.
    Ended,
    /// It is executed elsewhere, or was: the engine has started it twice.
    Elsewhere,
    /// It is not there: it was given up, or is over.
    Unwanted,
}

/// Executes an attempt and leaves in the storage what it brought. SIGTERM, SIGINT and SIGUSR1 ask for a checkpoint and the end.
///
/// # Errors
/// [`WorkerError`]; its coordinator then learns from the engine that it is over.
pub fn attend_by_storage(options: &JobOptions, note: Note) -> Result<Attended, WorkerError> {
    let objects = Objects::open(&options.storage, note);
    let objects =
        objects.map_err(|words| WorkerError::Storage(options.storage.url.clone(), words))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(WorkerError::Here)?;
    runtime.block_on(attend(options, objects, note))
}

async fn attend(
    options: &JobOptions,
    objects: Objects,
    note: Note,
) -> Result<Attended, WorkerError> {
    let mut signals = Signals::new(&[SignalKind::user_defined1()]).map_err(WorkerError::Here)?;
    let shelf = Shelf::of(&options.tag);
    let Some(given) = objects.get_json::<Given>(&shelf.offer()).await? else {
        return Ok(Attended::Unwanted);
    };
    let offer = offered(given, &options.tag)?;
    if !claim(&objects, &shelf).await? {
        return Ok(Attended::Elsewhere);
    }
    // It may lie where others write too: it is ours alone, or the job does not begin.
    let made = std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&options.scratch);
    made.map_err(|source| WorkerError::Folder {
        path: options.scratch.clone(),
        source,
    })?;
    let _removed = Scratch(&options.scratch);
    let folder = Folder::open(&options.scratch)?;
    let seat = Seat {
        threads: offer.threads,
        gpu: offer.gpu.then_some(0),
    };
    let bucket = Bucket::new(objects, shelf, &offer);
    let kept = folder.keep(offer).map_err(WorkerError::Here)?;
    let trainer = options.trainer.clone();
    let worker = Worker {
        exchange: bucket,
        folder,
        trainer,
        fetching: Mutex::default(),
        note,
    };
    let (ending, ends) = watch::channel(Asked::Nothing);
    let carried = carry_out(Arc::new(worker), kept, seat, ends);
    tokio::pin!(carried);
    loop {
        tokio::select! {
            carried = &mut carried => return carried.map(|()| Attended::Ended),
            () = signals.next() => ask(&ending, Asked::Stop),
        }
    }
}

/// A folder that is not left; what cannot be removed costs only space.
struct Scratch<'a>(&'a std::path::Path);

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0);
    }
}

/// What is offered, if this isoflop can train it.
fn offered(given: Given, tag: &str) -> Result<Offer, WorkerError> {
    let refused = |error: String| {
        let hint = "install the same isoflop on all machines".to_owned();
        WorkerError::Refused(Refusal { error, hint })
    };
    if given.version != version() {
        return Err(refused(format!(
            "the coordinator speaks version {}, this isoflop {}",
            given.version,
            version()
        )));
    }
    let offer: Offer = serde_json::from_value(given.offer)
        .map_err(|e| refused(format!("its offer is none: {e}")))?;
    if offer.spec.version != SPEC_VERSION
        || offer.spec.id() != offer.held.run
        || tag_of(&offer.held) != tag
    {
        return Err(refused(format!(
            "what is offered for {} is another's",
            offer.held
        )));
    }
    Ok(offer)
}

/// Makes the attempt this process's; says whether it was nobody's. A job that an engine queues again after its node has died finds it
/// taken: the coordinator sees that job end and makes an attempt of its own.
async fn claim(objects: &Objects, shelf: &Shelf) -> Result<bool, WorkerError> {
    let host = nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut mark = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| io::Read::read_exact(&mut file, &mut mark))
        .map_err(WorkerError::Here)?;
    let mark = u128::from_le_bytes(mark).to_string();
    let ours = serde_json::json!({ "host": host, "process": std::process::id(), "mark": mark });
    let bytes = ours.to_string().into_bytes();
    let name = shelf.claim();
    let created = objects.create(&name, bytes).await?;
    // The answer to an earlier request may have been lost: then it is there, and ours.
    Ok(created || objects.get_json(&name).await? == Some(ours))
}
