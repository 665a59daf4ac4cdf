//! Coordinator's side of an exchange through a storage: uploads an attempt's files, and fetches its
//! results.

use std::fs;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;
use tracing::debug;

use super::arrival::{CheckpointArrival, append, deliver, length, write_note};
use super::assignment::{attempt_key, make_assignment};
use super::object_keys::{JobAssignment, JobProgress, ObjectKeys};
use super::{ExchangeError, ObjectStorage, StorageAddress, StorageError, dropped, runtime};
use crate::protocol::{AttemptOrder, CheckpointFile, CheckpointKind, EndRequest};
use isoflop_core::run::{AttemptDir, checkpoint_steps};
use isoflop_sweep::{FiniteNumber, LocatedValue, StorageSettings};

/// Coordinator's side of an exchange through a storage.
#[derive(Debug)]
pub struct StorageExchange {
    address: StorageAddress,
    objects: ObjectStorage,
    /// The program `isoflop` on the machines that train.
    isoflop: String,
    /// Time between two polls, on both sides.
    beat_seconds: FiniteNumber,
}

impl StorageExchange {
    /// Opens the storage of a sweep, and tests it by writing and reading an object.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn open(settings: &StorageSettings) -> Result<Self, StorageError> {
        let word =
            |word: &Option<LocatedValue<String>>| word.as_ref().map(|word| word.value.clone());
        let address = StorageAddress {
            url: settings.url.value.clone(),
            endpoint: word(&settings.endpoint),
            region: word(&settings.region),
        };
        // The driver of the sweep reports outages: it calls `silence`.
        let objects = ObjectStorage::open(&address, |_| {})?;
        runtime().map_err(ExchangeError::Io)?.block_on(async {
            let words: &[u8] = b"isoflop can write here";
            objects.put_once("tried", words.into()).await?;
            objects.get_once("tried").await
        })?;
        Ok(Self {
            address,
            objects,
            isoflop: settings.isoflop.value.clone(),
            beat_seconds: settings.beat_seconds.value,
        })
    }

    /// Reason why the storage does not answer. `None` if it does.
    pub(crate) fn silence(&self) -> Option<String> {
        self.objects.calls.last_failure()
    }

    /// Time between two polls.
    pub(crate) fn beat(&self) -> Duration {
        self.beat_seconds.seconds()
    }

    /// Shell command that executes an attempt, on any machine that can reach the storage: one line,
    /// without quotes.
    pub(crate) fn command(&self, tag: &str) -> String {
        let StorageAddress {
            endpoint, region, ..
        } = &self.address;
        let (isoflop, attempt) = (&self.isoflop, self.address.attempt(tag));
        let mut command = format!("{isoflop} attempt {attempt}");
        for (option, value) in [("--endpoint", endpoint), ("--region", region)] {
            if let Some(value) = value {
                command += &format!(" {option} {value}");
            }
        }
        command
    }

    /// Uploads the files that an attempt needs, and its assignment last.
    ///
    /// # Errors
    /// [`ExchangeError`]. Calls without a response are retried.
    pub(crate) async fn upload(
        &self,
        attempt: &AttemptDir,
        tag: &str,
    ) -> Result<(), ExchangeError> {
        let (shelf, folder) = (ObjectKeys::of(tag), attempt.clone());
        let beat = self.beat_seconds.0;
        let offered = spawn_blocking(move || make_assignment(&folder, beat, true)).await;
        let (offer, blobs) = offered.map_err(io::Error::from)??;
        for (digest, file) in blobs {
            let name = shelf.input(&digest, [&offer.train, &offer.validation]);
            self.objects.put_blob(&name, &file).await?;
        }
        self.objects
            .put_json(&shelf.order(), &AttemptOrder::GoOn)
            .await?;
        let given = JobAssignment::new(&offer).map_err(io::Error::from)?;
        self.objects.put_json(&shelf.assignment(), &given).await
    }

    /// Fetches an attempt's results since the last poll, and forwards a request to stop.
    ///
    /// # Errors
    /// [`ExchangeError`]. Calls without a response are retried.
    pub(crate) async fn fetch_results(
        &self,
        attempt: &AttemptDir,
        tag: &str,
    ) -> Result<(), ExchangeError> {
        let shelf = ObjectKeys::of(tag);
        if attempt.stop().exists() {
            self.objects
                .put_json(&shelf.order(), &AttemptOrder::Stop)
                .await?;
        }
        // The job writes its end last: with it, all results are in the storage.
        let end: Option<EndRequest> = self.get(&shelf.end()).await?;
        let mut told: JobProgress = self.get(&shelf.progress()).await?.unwrap_or_default();
        told.events = end.as_ref().map_or(told.events, |end| end.events);
        if told.began {
            let who: Option<serde_json::Value> = self.get(&shelf.claim()).await?;
            write_note(&attempt.began(), &who.unwrap_or_default())?;
        }
        self.fetch_events(attempt, &shelf, told.events).await?;
        for (place, step) in [
            (CheckpointKind::Run, told.run),
            (CheckpointKind::Trunk, told.trunk),
        ] {
            if let Some(step) = step {
                self.fetch_checkpoint(attempt, &shelf, place, step).await?;
            }
        }
        if let Some(end) = end
            && end.held == attempt_key(attempt)?
            && length(attempt) == end.events
        {
            let attempt = attempt.clone();
            let delivered = spawn_blocking(move || deliver(&attempt, &end)).await;
            delivered.map_err(io::Error::from)??;
        }
        Ok(())
    }

    async fn fetch_events(
        &self,
        attempt: &AttemptDir,
        shelf: &ObjectKeys,
        until: u64,
    ) -> Result<(), ExchangeError> {
        let mut began_anew = false;
        while length(attempt) < until {
            let from = length(attempt);
            match self.next_events(shelf, from, until).await? {
                Some(events) => {
                    append(attempt, from, &events)?;
                }
                // No chunk begins here: this machine crashed and kept a part of a chunk.
                None if from > 0 && !began_anew => {
                    debug!(attempt = shelf.root(), from, "fetching all events again");
                    began_anew = true;
                    fs::File::create(attempt.metrics())?;
                }
                // No usable chunk yet. The next poll may find one.
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Fetches the longest chunk of events that begins at byte `from`, if it is complete.
    async fn next_events(
        &self,
        shelf: &ObjectKeys,
        from: u64,
        until: u64,
    ) -> Result<Option<Vec<u8>>, ExchangeError> {
        let ends = self.objects.list(&shelf.events(from)).await?;
        let ends = ends.iter().filter_map(|end| end.parse().ok());
        let Some(to) = ends.filter(|to| (from + 1..=until).contains(to)).max() else {
            return Ok(None);
        };
        let chunk = self.objects.get(&shelf.chunk(from, to)).await?;
        Ok(chunk.filter(|chunk| chunk.len() as u64 == to - from))
    }

    /// Fetches a checkpoint. A missing or damaged one is ignored: another attempt repeats its
    /// steps, and no result is lost.
    async fn fetch_checkpoint(
        &self,
        attempt: &AttemptDir,
        shelf: &ObjectKeys,
        place: CheckpointKind,
        step: u64,
    ) -> Result<(), ExchangeError> {
        let arrival = CheckpointArrival::of(attempt, place)?;
        if checkpoint_steps(&arrival.dir).last() >= Some(&step) {
            return Ok(());
        }
        let arriving = &arrival.arriving;
        if arriving.root().exists() {
            fs::remove_dir_all(arriving.root())?;
        }
        fs::create_dir_all(arriving.root())?;
        for (file, path) in [
            (CheckpointFile::Tensors, arriving.tensors()),
            (CheckpointFile::Manifest, arriving.manifest()),
        ] {
            let name = shelf.checkpoint(place, step, file);
            match self.objects.get_rest(&name, &path).await {
                Err(ExchangeError::Missing) => {
                    debug!(name, "checkpoint is missing");
                    return Ok(());
                }
                fetched => fetched?,
            }
        }
        // A checkpoint that is not accepted is ignored.
        let accepted = spawn_blocking(move || arrival.accept(step)).await;
        let accepted = accepted.map_err(io::Error::from)?;
        dropped(accepted, "checkpoint not accepted");
        Ok(())
    }

    /// Removes the objects of an attempt that is over. A job that still executes it then stops. A
    /// failure costs only space.
    pub(crate) async fn clear(&self, tag: &str) {
        let shelf = ObjectKeys::of(tag);
        let (root, order) = (shelf.root(), shelf.order());
        let removed = self.objects.remove_all_once(root, &order).await;
        dropped(removed, "cannot remove the objects of an attempt");
    }

    /// Reads a JSON object. `None` if it does not exist or is damaged.
    async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ExchangeError> {
        let bytes = self.objects.get(name).await?;
        Ok(bytes
            .and_then(|bytes| dropped(serde_json::from_slice(&bytes), "invalid JSON in an object")))
    }
}
