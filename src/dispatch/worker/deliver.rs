//! Delivery of an attempt's results to the coordinator.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::WorkerError;
use super::folder::KeptAttempt;
use crate::exchange::{AttemptExchange, ExchangeError, dropped};
use crate::protocol::{
    AttemptKey, AttemptOrder, CheckpointFile, CheckpointKind, EndRequest, EndResponse, Heartbeat,
    MOST_EVENTS, MOST_LOG,
};
use isoflop_core::run::{
    AttemptDir, AttemptEnd, CheckpointFiles, checkpoint_files, checkpoint_steps, if_exists,
};

/// Delivery of a trainer's events, from the last delivered byte.
pub(super) struct EventDelivery {
    held: AttemptKey,
    attempt: AttemptDir,
    /// True once its trainer is started.
    pub(super) began: Arc<AtomicBool>,
    /// Bytes of events that the coordinator has.
    offset: u64,
}

impl EventDelivery {
    pub(super) fn new(kept: &KeptAttempt) -> Self {
        Self {
            held: kept.offer.held.clone(),
            attempt: kept.attempt.clone(),
            began: Arc::default(),
            offset: 0,
        }
    }

    /// Sends new events in a heartbeat. Returns the coordinator's order.
    pub(super) async fn beat(
        &mut self,
        exchange: &impl AttemptExchange,
    ) -> Result<AttemptOrder, ExchangeError> {
        let events = self.next()?;
        let beat = Heartbeat {
            held: self.held.clone(),
            began: self.began.load(Ordering::Relaxed),
            offset: self.offset,
            events,
        };
        let answer = exchange.append(&beat).await?;
        self.offset = answer.offset;
        Ok(answer.order)
    }

    /// Reads the next complete lines.
    fn next(&self) -> io::Result<String> {
        let Some(mut file) = if_exists(File::open(self.attempt.metrics()))? else {
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

/// Message for an attempt that the coordinator no longer needs.
const NO_LONGER_NEEDED: &str = "no longer needed: it was cancelled, or another attempt has the run";

/// Delivers an attempt that is over: its events, a checkpoint for other attempts, its outcome.
/// Returns once the worker may delete the attempt, with a message about the delivery.
pub(super) async fn deliver(
    exchange: &impl AttemptExchange,
    kept: &KeptAttempt,
    end: AttemptEnd,
    mut events: EventDelivery,
) -> Result<&'static str, WorkerError> {
    let mut checkpoint_is_there = false;
    loop {
        loop {
            let before = events.offset;
            if events.beat(exchange).await? == AttemptOrder::Forget {
                return Ok(NO_LONGER_NEEDED);
            }
            if events.offset == before && events.next()?.is_empty() {
                break;
            }
        }
        let outcome = if_exists(fs::read_to_string(kept.attempt.outcome()))?;
        if !checkpoint_is_there {
            deliver_last(exchange, kept, outcome.is_some()).await;
            checkpoint_is_there = true;
        }
        let end = EndRequest {
            held: kept.offer.held.clone(),
            end: end.clone(),
            events: events.offset,
            outcome,
            log: log(&kept.attempt),
        };
        match exchange.end(&end).await? {
            EndResponse::Taken => return Ok("delivered"),
            EndResponse::Unwanted => return Ok(NO_LONGER_NEEDED),
            EndResponse::Events(there) => events.offset = there,
        }
    }
}

/// Delivers checkpoints as they are written, if the sweep sets `deliver_checkpoints`.
pub(super) async fn checkpoints_as_written(
    exchange: &impl AttemptExchange,
    kept: &KeptAttempt,
    every: Duration,
) -> Infallible {
    let offered = kept.offer.checkpoint.as_ref();
    let mut delivered = offered.map(|checkpoint| checkpoint.step);
    let mut look = tokio::time::interval(every);
    loop {
        look.tick().await;
        let latest = checkpoint_steps(&kept.run.checkpoints()).last().copied();
        if kept.offer.deliver_checkpoints && latest > delivered {
            deliver_checkpoint(exchange, kept, CheckpointKind::Run).await;
            delivered = latest;
        }
    }
}

/// Delivers the checkpoint that others continue from: of a finished run the trunk, of an unfinished
/// one the latest checkpoint.
async fn deliver_last(exchange: &impl AttemptExchange, kept: &KeptAttempt, is_done: bool) {
    match is_done {
        true if kept.offer.keep_trunk => {
            deliver_checkpoint(exchange, kept, CheckpointKind::Trunk).await
        }
        true => {}
        false => deliver_checkpoint(exchange, kept, CheckpointKind::Run).await,
    }
}

/// Delivers the latest checkpoint. A failure costs only steps, which another attempt repeats.
async fn deliver_checkpoint(
    exchange: &impl AttemptExchange,
    kept: &KeptAttempt,
    place: CheckpointKind,
) {
    let offer = &kept.offer;
    let Some(id) = place.owner(&offer.held.run, &offer.spec) else {
        return;
    };
    let dir = place.of(&kept.run);
    let files = tokio::task::spawn_blocking(move || checkpoint_files(&dir, &id)).await;
    let files = dropped(files, "cannot read the checkpoints").flatten();
    let Some(CheckpointFiles { step, dir, .. }) = files else {
        return;
    };
    for (name, file) in [
        (CheckpointFile::Tensors, dir.tensors()),
        (CheckpointFile::Manifest, dir.manifest()),
    ] {
        let part = (place, step, name);
        let put = exchange.put(&offer.held, part, &file).await;
        if dropped(put, "cannot deliver a checkpoint").is_none() {
            return;
        }
    }
}

/// Last part of the trainer's log.
fn log(attempt: &AttemptDir) -> String {
    let log = dropped(fs::read(attempt.log()), "cannot read a log").unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(MOST_LOG)..]).into_owned()
}
