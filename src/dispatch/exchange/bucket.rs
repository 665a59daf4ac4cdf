//! A storage, as a job uses it. What the job says lies there until the coordinator fetches it.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::client::CallError;
use super::objects::{Objects, StorageError};
use super::shelf::{Shelf, Told, tokens};
use crate::protocol::{
    Beat, BeatAnswer, CheckpointFile, Digest, End, EndAnswer, Offer, Order, Place, Refusal,
};

/// The objects of the attempt that this job has claimed.
pub(crate) struct Bucket {
    objects: Objects,
    shelf: Shelf,
    /// Text that it needs, which other attempts need too.
    shared: [Digest; 2],
    /// One at a time: what is said later must not be overwritten by what was said before.
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    told: Told,
    /// What of it is there.
    there: Option<Told>,
    /// The checkpoint before the latest.
    before: Option<u64>,
}

impl Bucket {
    pub(crate) fn new(objects: Objects, shelf: Shelf, offer: &Offer) -> Self {
        let shared = [offer.train.clone(), offer.validation.clone()];
        Self {
            objects,
            shelf,
            shared,
            said: Mutex::default(),
        }
    }

    pub(crate) async fn beat(&self, beat: &Beat) -> Result<BeatAnswer, CallError> {
        let order = get(&self.objects, &self.shelf.order())
            .await?
            .unwrap_or(Order::Forget);
        if order == Order::Forget {
            return Ok(BeatAnswer {
                order,
                offset: beat.offset,
            });
        }
        let mut said = self.said.lock().await;
        let offset = beat.offset + beat.events.len() as u64;
        if offset > beat.offset {
            put(
                &self.objects,
                &self.shelf.chunk(beat.offset, offset),
                beat.events.clone().into_bytes(),
            )
            .await?;
        }
        (said.told.began, said.told.events) = (beat.began, offset);
        self.tell(&mut said).await?;
        Ok(BeatAnswer { order, offset })
    }

    async fn tell(&self, said: &mut Said) -> Result<(), CallError> {
        if said.there.as_ref() == Some(&said.told) {
            return Ok(());
        }
        said.there = None;
        put(&self.objects, &self.shelf.told(), json(&said.told)?).await?;
        said.there = Some(said.told.clone());
        Ok(())
    }

    pub(crate) async fn rest(&self, digest: &Digest, part: &Path) -> Result<(), CallError> {
        let name = if self.shared.contains(digest) {
            tokens(digest)
        } else {
            self.shelf.given(digest)
        };
        Ok(self
            .objects
            .persist(|| self.objects.get_rest(&name, part))
            .await?)
    }

    pub(crate) async fn deliver(
        &self,
        (place, step, file): (Place, u64, CheckpointFile),
        path: &Path,
    ) -> Result<(), CallError> {
        let name = self.shelf.checkpoint(place, step, file);
        self.objects
            .persist(|| self.objects.put_file(&name, path))
            .await?;
        if file == CheckpointFile::Tensors {
            return Ok(());
        }
        let mut said = self.said.lock().await;
        match place {
            Place::Trunk => said.told.trunk = Some(step),
            Place::Run => {
                let latest = said.told.run.replace(step);
                let older = std::mem::replace(&mut said.before, latest);
                self.tell(&mut said).await?;
                // The one before the latest may be under way to the coordinator.
                return self.forget(older.filter(|older| *older != step)).await;
            }
        }
        self.tell(&mut said).await
    }

    /// Removes a checkpoint that two others have come after.
    async fn forget(&self, step: Option<u64>) -> Result<(), CallError> {
        let Some(step) = step else { return Ok(()) };
        for file in [CheckpointFile::Manifest, CheckpointFile::Tensors] {
            let name = self.shelf.checkpoint(Place::Run, step, file);
            self.objects.persist(|| self.objects.remove(&name)).await?;
        }
        Ok(())
    }

    pub(crate) async fn end(&self, end: &End) -> Result<EndAnswer, CallError> {
        let mut said = self.said.lock().await;
        // Once more: a request that was given up for lost may have arrived after those that followed it.
        said.there = None;
        self.tell(&mut said).await?;
        put(&self.objects, &self.shelf.end(), json(end)?).await?;
        Ok(EndAnswer::Taken)
    }
}

/// An object, which is read as what it should be.
pub(crate) async fn get<T: DeserializeOwned>(
    objects: &Objects,
    name: &str,
) -> Result<Option<T>, CallError> {
    let Some(bytes) = objects.persist(|| objects.get(name)).await? else {
        return Ok(None);
    };
    let refused = |error| refusal(format!("`{name}` in the storage is damaged: {error}"));
    serde_json::from_slice(&bytes).map(Some).map_err(refused)
}

async fn put(objects: &Objects, name: &str, bytes: Vec<u8>) -> Result<(), CallError> {
    Ok(objects.persist(|| objects.put(name, bytes.clone())).await?)
}

pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(value).map_err(|error| CallError::Here(std::io::Error::other(error)))
}

fn refusal(error: String) -> CallError {
    let hint =
        "check the bucket, and that the job has the `AWS_` variables of one who may read and write it".to_owned();
    CallError::Refused(Refusal { error, hint })
}

impl From<StorageError> for CallError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unanswered(reason) => Self::Unanswered(reason),
            StorageError::Missing => Self::Gone,
            StorageError::Refused(words) => refusal(words),
            StorageError::Here(error) => Self::Here(error),
        }
    }
}
