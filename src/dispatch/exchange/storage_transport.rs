//! Job's side of an exchange through a storage. Objects stay there until the coordinator fetches
//! them.

use std::path::Path;

use tokio::sync::Mutex;

use super::object_keys::{JobProgress, ObjectKeys};
use super::{AttemptExchange, ExchangeError, ObjectStorage};
use crate::protocol::{
    Assignment, AttemptKey, AttemptOrder, CheckpointFile, CheckpointKind, Digest, EndRequest,
    EndResponse, Heartbeat, HeartbeatResponse,
};

/// Job's side of an exchange, for the attempt that the job has claimed.
pub(crate) struct StorageTransport {
    objects: ObjectStorage,
    shelf: ObjectKeys,
    /// Digests of the training and validation text.
    text: [Digest; 2],
    /// Locked during an upload. Otherwise an earlier report could overwrite a later one.
    state: Mutex<UploadState>,
}

#[derive(Default)]
struct UploadState {
    /// Current progress.
    progress: JobProgress,
    /// Progress in the storage. `None` if unknown.
    uploaded: Option<JobProgress>,
    /// Step of the checkpoint before the latest.
    before: Option<u64>,
}

impl StorageTransport {
    pub(crate) fn new(objects: ObjectStorage, shelf: ObjectKeys, offer: &Assignment) -> Self {
        let text = [offer.train.clone(), offer.validation.clone()];
        Self {
            objects,
            shelf,
            text,
            state: Mutex::default(),
        }
    }

    async fn upload_progress(&self, said: &mut UploadState) -> Result<(), ExchangeError> {
        if said.uploaded.as_ref() == Some(&said.progress) {
            return Ok(());
        }
        said.uploaded = None;
        self.objects
            .put_json(&self.shelf.progress(), &said.progress)
            .await?;
        said.uploaded = Some(said.progress.clone());
        Ok(())
    }

    /// Removes a checkpoint that has two successors.
    async fn forget(&self, step: Option<u64>) -> Result<(), ExchangeError> {
        let Some(step) = step else { return Ok(()) };
        for file in [CheckpointFile::Manifest, CheckpointFile::Tensors] {
            let name = self.shelf.checkpoint(CheckpointKind::Run, step, file);
            self.objects.remove(&name).await?;
        }
        Ok(())
    }
}

impl AttemptExchange for StorageTransport {
    async fn get(&self, digest: &Digest, part: &Path) -> Result<(), ExchangeError> {
        let name = self.shelf.input(digest, self.text.each_ref());
        self.objects.get_rest(&name, part).await
    }

    async fn append(&self, beat: &Heartbeat) -> Result<HeartbeatResponse, ExchangeError> {
        let order = self.objects.get_json(&self.shelf.order()).await?;
        let order = order.unwrap_or(AttemptOrder::Forget);
        if order == AttemptOrder::Forget {
            return Ok(HeartbeatResponse {
                order,
                offset: beat.offset,
            });
        }
        let mut said = self.state.lock().await;
        let offset = beat.offset + beat.events.len() as u64;
        if offset > beat.offset {
            let chunk = self.shelf.chunk(beat.offset, offset);
            self.objects.put(&chunk, beat.events.clone()).await?;
        }
        (said.progress.began, said.progress.events) = (beat.began, offset);
        self.upload_progress(&mut said).await?;
        Ok(HeartbeatResponse { order, offset })
    }

    async fn put(
        &self,
        _: &AttemptKey,
        (place, step, file): (CheckpointKind, u64, CheckpointFile),
        path: &Path,
    ) -> Result<(), ExchangeError> {
        let name = self.shelf.checkpoint(place, step, file);
        self.objects.put_file(&name, path).await?;
        if file == CheckpointFile::Tensors {
            return Ok(());
        }
        let mut said = self.state.lock().await;
        if place == CheckpointKind::Trunk {
            said.progress.trunk = Some(step);
            return self.upload_progress(&mut said).await;
        }
        let latest = said.progress.run.replace(step);
        let older = std::mem::replace(&mut said.before, latest);
        self.upload_progress(&mut said).await?;
        // The checkpoint before the latest is kept: the coordinator may be fetching it.
        self.forget(older.filter(|older| *older != step)).await
    }

    async fn end(&self, end: &EndRequest) -> Result<EndResponse, ExchangeError> {
        let mut said = self.state.lock().await;
        // Write the progress again: an abandoned request may have arrived late and overwritten it.
        said.uploaded = None;
        self.upload_progress(&mut said).await?;
        self.objects.put_json(&self.shelf.end(), end).await?;
        Ok(EndResponse::Taken)
    }
}
