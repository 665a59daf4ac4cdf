//! The coordinator's side: what an attempt needs is brought there, what it brought is fetched.

use std::fs;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;
use tracing::debug;

use super::arrival::{Arrival, append, deliver, length, note};
use super::offer::{held, offer};
use super::shelf::{Given, Shelf, Told};
use super::{ExchangeError, Objects, StorageAddress, StorageError, dropped, runtime};
use crate::protocol::{CheckpointFile, End, Order, Place};
use isoflop_core::run::{AttemptDir, checkpoint_steps};
use isoflop_sweep::{At, Number, Storage};

/// A storage, as the coordinator uses it.
#[derive(Debug)]
pub struct Depot {
    address: StorageAddress,
    objects: Objects,
    /// The program on the machines that train.
    isoflop: String,
    /// Between two looks, on both sides.
    beat_seconds: Number,
}

impl Depot {
    /// The storage that a sweep names, which is tried: it must take an object and give it back.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn open(settings: &Storage) -> Result<Self, StorageError> {
        let word = |word: &Option<At<String>>| word.as_ref().map(|word| word.value.clone());
        let address = StorageAddress {
            url: settings.url.value.clone(),
            endpoint: word(&settings.endpoint),
            region: word(&settings.region),
        };
        // Whoever drives the sweep asks for its silence.
        let objects = Objects::open(&address, |_| {})?;
        runtime().map_err(ExchangeError::Here)?.block_on(async {
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

    /// Why there is no answer at the moment, if there is none.
    pub(crate) fn silence(&self) -> Option<String> {
        self.objects.calls.silence()
    }

    /// Time between two looks.
    pub(crate) fn beat(&self) -> Duration {
        self.beat_seconds.seconds()
    }

    /// What executes an attempt, wherever the storage can be reached: one line for a shell, without quotes.
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

    /// Brings there what an attempt needs; what it is comes last.
    ///
    /// # Errors
    /// [`ExchangeError`]; one that does not answer is called until it does.
    pub(crate) async fn bring(&self, attempt: &AttemptDir, tag: &str) -> Result<(), ExchangeError> {
        let (shelf, folder) = (Shelf::of(tag), attempt.clone());
        let beat = self.beat_seconds.0;
        let offered = spawn_blocking(move || offer(&folder, beat, true)).await;
        let (offer, blobs) = offered.map_err(io::Error::from)??;
        for (digest, file) in blobs {
            let name = shelf.given(&digest, [&offer.train, &offer.validation]);
            self.objects.put_blob(&name, &file).await?;
        }
        self.objects.put_json(&shelf.order(), &Order::GoOn).await?;
        let given = Given::new(&offer).map_err(io::Error::from)?;
        self.objects.put_json(&shelf.offer(), &given).await
    }

    /// Fetches what an attempt has brought since the last look, and passes on what is asked of it.
    ///
    /// # Errors
    /// [`ExchangeError`]; one that does not answer is called until it does.
    pub(crate) async fn look(&self, attempt: &AttemptDir, tag: &str) -> Result<(), ExchangeError> {
        let shelf = Shelf::of(tag);
        if attempt.stop().exists() {
            self.objects.put_json(&shelf.order(), &Order::Stop).await?;
        }
        // It is written last: with it, all else is there.
        let end: Option<End> = self.get(&shelf.end()).await?;
        let mut told: Told = self.get(&shelf.told()).await?.unwrap_or_default();
        told.events = end.as_ref().map_or(told.events, |end| end.events);
        if told.began {
            let who: Option<serde_json::Value> = self.get(&shelf.claim()).await?;
            note(&attempt.began(), &who.unwrap_or_default())?;
        }
        self.fetch_events(attempt, &shelf, told.events).await?;
        for (place, step) in [(Place::Run, told.run), (Place::Trunk, told.trunk)] {
            if let Some(step) = step {
                self.fetch_checkpoint(attempt, &shelf, place, step).await?;
            }
        }
        if let Some(end) = end
            && end.held == held(attempt)?
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
        shelf: &Shelf,
        until: u64,
    ) -> Result<(), ExchangeError> {
        let mut began_anew = false;
        while length(attempt) < until {
            let from = length(attempt);
            match self.next_events(shelf, from, until).await? {
                Some(events) => {
                    append(attempt, from, &events)?;
                }
                // A machine that died has kept a part of what was fetched.
                None if from > 0 && !began_anew => {
                    debug!(attempt = shelf.root(), from, "events are fetched anew");
                    began_anew = true;
                    fs::File::create(attempt.metrics())?;
                }
                // Nothing of use is there; the next look may find it.
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// The longest piece of events that begins after so many bytes, if it is whole.
    async fn next_events(
        &self,
        shelf: &Shelf,
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

    /// One that is gone or damaged costs steps, made again by another attempt, and no result.
    async fn fetch_checkpoint(
        &self,
        attempt: &AttemptDir,
        shelf: &Shelf,
        place: Place,
        step: u64,
    ) -> Result<(), ExchangeError> {
        let arrival = Arrival::of(attempt, place)?;
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
                    debug!(name, "a checkpoint is gone");
                    return Ok(());
                }
                fetched => fetched?,
            }
        }
        // What it is taken for is another's business.
        let accepted = spawn_blocking(move || arrival.accept(step)).await;
        let accepted = accepted.map_err(io::Error::from)?;
        dropped(accepted, "a checkpoint was not accepted");
        Ok(())
    }

    /// Removes what lies there of an attempt that is over; a job that still executes it learns by that that nobody wants it. What cannot
    /// be removed costs only space.
    pub(crate) async fn clear(&self, tag: &str) {
        let shelf = Shelf::of(tag);
        let (root, order) = (shelf.root(), shelf.order());
        let removed = self.objects.remove_all_once(root, &order).await;
        dropped(removed, "an attempt's objects were not removed");
    }

    /// An object that is there and what it should be.
    async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ExchangeError> {
        let bytes = self.objects.get(name).await?;
        Ok(bytes.and_then(|bytes| dropped(serde_json::from_slice(&bytes), "an object is damaged")))
    }
}
