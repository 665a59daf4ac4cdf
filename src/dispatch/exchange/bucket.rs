//! A storage, as a job uses it. What the job says lies there until the coordinator fetches it.

use std::path::Path;

use tokio::sync::Mutex;

use super::shelf::{Shelf, Told};
use super::{Exchange, ExchangeError, Objects};
use crate::protocol::{
    Beat, BeatAnswer, CheckpointFile, Digest, End, EndAnswer, Held, Offer, Order, Place,
};

/// The objects of the attempt that this job has claimed.
pub(crate) struct Bucket {
    objects: Objects,
    shelf: Shelf,
    /// What it trains on.
    text: [Digest; 2],
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
        let text = [offer.train.clone(), offer.validation.clone()];
        Self {
            objects,
            shelf,
            text,
            said: Mutex::default(),
        }
    }

    async fn tell(&self, said: &mut Said) -> Result<(), ExchangeError> {
        if said.there.as_ref() == Some(&said.told) {
            return Ok(());
        }
        said.there = None;
        self.objects
            .put_json(&self.shelf.told(), &said.told)
            .await?;
        said.there = Some(said.told.clone());
        Ok(())
    }

    /// Removes a checkpoint that two others have come after.
    async fn forget(&self, step: Option<u64>) -> Result<(), ExchangeError> {
        let Some(step) = step else { return Ok(()) };
        for file in [CheckpointFile::Manifest, CheckpointFile::Tensors] {
            let name = self.shelf.checkpoint(Place::Run, step, file);
            self.objects.remove(&name).await?;
        }
        Ok(())
    }
}

impl Exchange for Bucket {
    async fn get(&self, digest: &Digest, part: &Path) -> Result<(), ExchangeError> {
        let name = self.shelf.given(digest, self.text.each_ref());
        self.objects.get_rest(&name, part).await
    }

    async fn append(&self, beat: &Beat) -> Result<BeatAnswer, ExchangeError> {
        let order = self.objects.get_json(&self.shelf.order()).await?;
        let order = order.unwrap_or(Order::Forget);
        if order == Order::Forget {
            return Ok(BeatAnswer {
                order,
                offset: beat.offset,
            });
        }
        let mut said = self.said.lock().await;
        let offset = beat.offset + beat.events.len() as u64;
        if offset > beat.offset {
            let chunk = self.shelf.chunk(beat.offset, offset);
            self.objects.put(&chunk, beat.events.clone()).await?;
        }
        (said.told.began, said.told.events) = (beat.began, offset);
        self.tell(&mut said).await?;
        Ok(BeatAnswer { order, offset })
    }

    async fn put(
        &self,
        _: &Held,
        (place, step, file): (Place, u64, CheckpointFile),
        path: &Path,
    ) -> Result<(), ExchangeError> {
        let name = self.shelf.checkpoint(place, step, file);
        self.objects.put_file(&name, path).await?;
        if file == CheckpointFile::Tensors {
            return Ok(());
        }
        let mut said = self.said.lock().await;
        if place == Place::Trunk {
            said.told.trunk = Some(step);
            return self.tell(&mut said).await;
        }
        let latest = said.told.run.replace(step);
        let older = std::mem::replace(&mut said.before, latest);
        self.tell(&mut said).await?;
        // The one before the latest may be under way to the coordinator.
        self.forget(older.filter(|older| *older != step)).await
    }

    async fn end(&self, end: &End) -> Result<EndAnswer, ExchangeError> {
        let mut said = self.said.lock().await;
        // Once more: a request that was given up for lost may have arrived after those that followed it.
        said.there = None;
        self.tell(&mut said).await?;
        self.objects.put_json(&self.shelf.end(), end).await?;
        Ok(EndAnswer::Taken)
    }
}
