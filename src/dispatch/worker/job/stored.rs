//! An attempt in a storage: what it needs is fetched from there, what it brings is left there.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use super::super::attempt::{Worker, carry_out};
use super::super::error::WorkerError;
use super::super::folder::Folder;
use super::super::seat::Seat;
use super::claim::{Attended, claimant};
use crate::exchange::{Bucket, Given, Note, Objects, Shelf, StorageAddress, dropped, tag_of};
use crate::executor::{Asked, Trainer};
use crate::protocol::{Offer, Refusal, version};

/// Executes an attempt and leaves in the storage what it brought.
pub(super) async fn attend(
    storage: &StorageAddress,
    tag: &str,
    trainer: Trainer,
    asked: &watch::Sender<Asked>,
    note: Note,
) -> Result<Attended, WorkerError> {
    let objects = Objects::open(storage, note)
        .map_err(|error| WorkerError::Storage(storage.url.clone(), error))?;
    let shelf = Shelf::of(tag);
    let Some(given) = objects.get_json::<Given>(&shelf.offer()).await? else {
        return Ok(Attended::Unwanted);
    };
    let offer = offered(given, tag)?;
    if !claim(&objects, &shelf).await? {
        return Ok(Attended::Elsewhere);
    }
    let scratch = std::env::temp_dir().join(format!("{tag}-{}", std::process::id()));
    // It may lie where others write too: it is ours alone, or the job does not begin.
    let made = DirBuilder::new().mode(0o700).create(&scratch);
    made.map_err(|error| WorkerError::Folder(scratch.clone(), error))?;
    let _removed = Scratch(&scratch);
    let folder = Folder::open(&scratch)?;
    let seat = Seat {
        threads: offer.threads,
        gpu: offer.gpu.then_some(0),
    };
    let exchange = Bucket::new(objects, shelf, &offer);
    let kept = folder.keep(offer)?;
    let worker = Worker {
        exchange,
        folder,
        trainer,
        fetching: Mutex::default(),
        note,
    };
    carry_out(Arc::new(worker), kept, seat, asked.subscribe()).await?;
    Ok(Attended::Ended)
}

/// A folder for what is fetched and made, which is not left; what cannot be removed costs only space.
struct Scratch<'a>(&'a Path);

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        dropped(std::fs::remove_dir_all(self.0), "a folder was not removed");
    }
}

/// What is offered, if this isoflop can train it.
fn offered(given: Given, tag: &str) -> Result<Offer, WorkerError> {
    let hint = "install the same isoflop on all machines";
    let refused = |error: String| WorkerError::Refused(Refusal::new(error, hint));
    let (theirs, ours) = (given.version, version());
    if theirs != ours {
        let error = format!("the coordinator speaks version {theirs}, this isoflop {ours}");
        return Err(refused(error));
    }
    let offer: Offer = serde_json::from_value(given.offer)
        .map_err(|e| refused(format!("its offer is none: {e}")))?;
    let held = &offer.held;
    if !offer.names_its_spec() || tag_of(held) != tag {
        return Err(refused(format!("what is offered for {held} is another's")));
    }
    Ok(offer)
}

/// Makes the attempt this process's; says whether it was nobody's.
async fn claim(objects: &Objects, shelf: &Shelf) -> Result<bool, WorkerError> {
    let claimant = claimant()?;
    let bytes = claimant.to_string().into_bytes();
    // The answer to an earlier request may have been lost: then it is there, and ours.
    Ok(objects.create(&shelf.claim(), bytes).await?
        || objects.get_json(&shelf.claim()).await? == Some(claimant))
}
