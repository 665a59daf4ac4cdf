//! Execution of an attempt in a storage: its files are fetched from there, and its results written
//! there.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use super::super::attempt::{WorkerContext, execute_attempt};
use super::super::error::WorkerError;
use super::super::folder::WorkerFolder;
use super::super::slot_share::SlotShare;
use super::claim::{JobResult, claimant};
use crate::exchange::{
    JobAssignment, Note, ObjectKeys, ObjectStorage, StorageAddress, StorageTransport, dropped,
    tag_of,
};
use crate::executor::{StopRequest, TrainerProgram};
use crate::protocol::{Assignment, RequestRefusal, version};

/// Executes an attempt and writes its results to the storage.
pub(super) async fn execute_stored(
    storage: &StorageAddress,
    tag: &str,
    trainer: TrainerProgram,
    asked: &watch::Sender<StopRequest>,
    note: Note,
) -> Result<JobResult, WorkerError> {
    let objects = ObjectStorage::open(storage, note)
        .map_err(|error| WorkerError::Storage(storage.url.clone(), error))?;
    let shelf = ObjectKeys::of(tag);
    let Some(given) = objects
        .get_json::<JobAssignment>(&shelf.assignment())
        .await?
    else {
        return Ok(JobResult::Missing);
    };
    let offer = offered(given, tag)?;
    if !claim(&objects, &shelf).await? {
        return Ok(JobResult::AlreadyClaimed);
    }
    let scratch = std::env::temp_dir().join(format!("{tag}-{}", std::process::id()));
    // Other users may write to the temporary folder. `create` fails if the path exists, so the job
    // never uses a folder of another user.
    let made = DirBuilder::new().mode(0o700).create(&scratch);
    made.map_err(|error| WorkerError::Folder(scratch.clone(), error))?;
    let _removed = ScratchFolder(&scratch);
    let folder = WorkerFolder::open(&scratch)?;
    let seat = SlotShare {
        threads: offer.threads,
        gpu: offer.gpu.then_some(0),
    };
    let exchange = StorageTransport::new(objects, shelf, &offer);
    let kept = folder.keep(offer)?;
    let worker = WorkerContext {
        exchange,
        folder,
        trainer,
        fetching: Mutex::default(),
        note,
    };
    execute_attempt(Arc::new(worker), kept, seat, asked.subscribe()).await?;
    Ok(JobResult::Ended)
}

/// Temporary folder of a job, removed on drop. A failure costs only space.
struct ScratchFolder<'a>(&'a Path);

impl Drop for ScratchFolder<'_> {
    fn drop(&mut self) {
        dropped(std::fs::remove_dir_all(self.0), "cannot remove a folder");
    }
}

/// Parses an assignment, if this isoflop can train it.
fn offered(given: JobAssignment, tag: &str) -> Result<Assignment, WorkerError> {
    let hint = "install the same isoflop on all machines";
    let refused = |error: String| WorkerError::Refused(RequestRefusal::new(error, hint));
    let (theirs, ours) = (given.version, version());
    if theirs != ours {
        let error = format!(
            "protocol version mismatch: the coordinator uses {theirs}, this isoflop {ours}"
        );
        return Err(refused(error));
    }
    let offer: Assignment = serde_json::from_value(given.offer)
        .map_err(|e| refused(format!("invalid assignment: {e}")))?;
    let held = &offer.held;
    if !offer.names_its_spec() || tag_of(held) != tag {
        return Err(refused(format!(
            "the assignment for {held} does not match the run"
        )));
    }
    Ok(offer)
}

/// Claims the attempt for this process. Returns false if another process has claimed it.
async fn claim(objects: &ObjectStorage, shelf: &ObjectKeys) -> Result<bool, WorkerError> {
    let claimant = claimant()?;
    let bytes = claimant.to_string().into_bytes();
    // If the response to an earlier request was lost, the claim exists and is ours.
    Ok(objects.create(&shelf.claim(), bytes).await?
        || objects.get_json(&shelf.claim()).await? == Some(claimant))
}
