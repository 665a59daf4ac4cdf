//! What an attempt brought, on its way to the coordinator.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::WorkerError;
use super::folder::Kept;
use crate::exchange::{Exchange, ExchangeError, dropped};
use crate::protocol::{
    Beat, CheckpointFile, End, EndAnswer, Held, MOST_EVENTS, MOST_LOG, Order, Place,
};
use isoflop_core::run::{
    AttemptDir, AttemptEnd, CheckpointFiles, checkpoint_files, checkpoint_steps, if_there,
};

/// What a trainer says, told from where it was told last.
pub(super) struct Events {
    held: Held,
    attempt: AttemptDir,
    /// Whether its trainer was started: set when it is.
    pub(super) began: Arc<AtomicBool>,
    /// Bytes that the coordinator has.
    offset: u64,
}

impl Events {
    pub(super) fn new(kept: &Kept) -> Self {
        Self {
            held: kept.offer.held.clone(),
            attempt: kept.attempt.clone(),
            began: Arc::default(),
            offset: 0,
        }
    }

    /// Tells what is new, and hears what is wanted.
    pub(super) async fn beat(&mut self, exchange: &impl Exchange) -> Result<Order, ExchangeError> {
        let events = self.next()?;
        let beat = Beat {
            held: self.held.clone(),
            began: self.began.load(Ordering::Relaxed),
            offset: self.offset,
            events,
        };
        let answer = exchange.append(&beat).await?;
        self.offset = answer.offset;
        Ok(answer.order)
    }

    /// The next whole lines.
    fn next(&self) -> io::Result<String> {
        let Some(mut file) = if_there(File::open(self.attempt.metrics()))? else {
            return Ok(String::new());
        };
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(MOST_EVENTS as u64).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(end.map_or(0, |end| end + 1));
        String::from_utf8(bytes).map_err(io::Error::other)
    }
}

/// What is said of an attempt that nobody wants any more.
const UNWANTED: &str = "not wanted any more: it was given up, or another attempt has the run";

/// Delivers an attempt that is over: events, what another attempt could go on from, the outcome. Returns when the worker may forget
/// it, with what became of it in words.
pub(super) async fn deliver(
    exchange: &impl Exchange,
    kept: &Kept,
    end: AttemptEnd,
    mut events: Events,
) -> Result<&'static str, WorkerError> {
    let mut checkpoint_is_there = false;
    loop {
        loop {
            let before = events.offset;
            if events.beat(exchange).await? == Order::Forget {
                return Ok(UNWANTED);
            }
            if events.offset == before && events.next()?.is_empty() {
                break;
            }
        }
        let outcome = if_there(fs::read_to_string(kept.attempt.outcome()))?;
        if !checkpoint_is_there {
            deliver_last(exchange, kept, outcome.is_some()).await;
            checkpoint_is_there = true;
        }
        let end = End {
            held: kept.offer.held.clone(),
            end: end.clone(),
            events: events.offset,
            outcome,
            log: log(&kept.attempt),
        };
        match exchange.end(&end).await? {
            EndAnswer::Taken => return Ok("delivered"),
            EndAnswer::Unwanted => return Ok(UNWANTED),
            EndAnswer::Events(there) => events.offset = there,
        }
    }
}

/// Delivers checkpoints as they are written, where the sweep asks for that.
pub(super) async fn checkpoints_as_written(
    exchange: &impl Exchange,
    kept: &Kept,
    every: Duration,
) -> Infallible {
    let offered = kept.offer.checkpoint.as_ref();
    let mut delivered = offered.map(|checkpoint| checkpoint.step);
    let mut look = tokio::time::interval(every);
    loop {
        look.tick().await;
        let latest = checkpoint_steps(&kept.run.checkpoints()).last().copied();
        if kept.offer.deliver_checkpoints && latest > delivered {
            deliver_checkpoint(exchange, kept, Place::Run).await;
            delivered = latest;
        }
    }
}

/// What others go on from: the trunk of a run that is done, the checkpoint of one that is not.
async fn deliver_last(exchange: &impl Exchange, kept: &Kept, is_done: bool) {
    match is_done {
        true if kept.offer.keep_trunk => deliver_checkpoint(exchange, kept, Place::Trunk).await,
        true => {}
        false => deliver_checkpoint(exchange, kept, Place::Run).await,
    }
}

/// One that cannot be delivered costs steps, made again by another attempt, and no result: the coordinator says of it what there is.
async fn deliver_checkpoint(exchange: &impl Exchange, kept: &Kept, place: Place) {
    let offer = &kept.offer;
    let Some(id) = place.owner(&offer.held.run, &offer.spec) else {
        return;
    };
    let dir = place.of(&kept.run);
    let files = tokio::task::spawn_blocking(move || checkpoint_files(&dir, &id)).await;
    let files = dropped(files, "checkpoints were not looked through").flatten();
    let Some(CheckpointFiles { step, dir, .. }) = files else {
        return;
    };
    for (name, file) in [
        (CheckpointFile::Tensors, dir.tensors()),
        (CheckpointFile::Manifest, dir.manifest()),
    ] {
        let part = (place, step, name);
        let put = exchange.put(&offer.held, part, &file).await;
        if dropped(put, "a checkpoint was not delivered").is_none() {
            return;
        }
    }
}

/// The latest of what the trainer printed.
fn log(attempt: &AttemptDir) -> String {
    let log = dropped(fs::read(attempt.log()), "a log was not read").unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(MOST_LOG)..]).into_owned()
}
