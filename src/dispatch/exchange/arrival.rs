//! What an attempt on another machine brings, on its way into the attempt's folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use super::offer::launch;
use crate::protocol::{End, EndAnswer, Place};
use isoflop_core::run::{
    AttemptDir, CheckpointDir, CheckpointsDir, InvalidCheckpoint, RunDir, RunId, accept_checkpoint,
    replace_json, write_json, write_whole,
};

/// Most bytes of tensors of a run whose memory is not known.
const MOST_TENSORS: u64 = 64 << 30;

/// Writes down once who has an attempt, for the next coordinator, or that it trains, for this one.
pub(crate) fn note(path: &Path, who: &Value) -> io::Result<()> {
    if path.exists() {
        Ok(())
    } else {
        replace_json(path, who)
    }
}

/// Adds events, if they go on where those before ended; returns how many bytes there are now.
pub(crate) fn append(attempt: &AttemptDir, offset: u64, events: &[u8]) -> io::Result<u64> {
    let there = length(attempt);
    if there != offset || events.is_empty() {
        return Ok(there);
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(attempt.metrics())?
        .write_all(events)?;
    Ok(offset + events.len() as u64)
}

/// Bytes of events that are there.
pub(crate) fn length(attempt: &AttemptDir) -> u64 {
    fs::metadata(attempt.metrics()).map_or(0, |metadata| metadata.len())
}

/// Writes what an attempt brought, all of it synced before what tells of its end.
pub(crate) fn deliver(attempt: &AttemptDir, end: &End) -> io::Result<EndAnswer> {
    let there = length(attempt);
    if there < end.events {
        return Ok(EndAnswer::Events(there));
    }
    if let Ok(events) = fs::File::open(attempt.metrics()) {
        events.sync_all()?;
    }
    fs::write(attempt.log(), &end.log)?;
    if let Some(outcome) = &end.outcome {
        write_whole(&attempt.outcome(), outcome.as_bytes())?;
    }
    write_json(&attempt.end(), &end.end)?;
    Ok(EndAnswer::Taken)
}

/// Where a checkpoint arrives, and whose it must be.
pub(crate) struct Arrival {
    pub(crate) dir: CheckpointsDir,
    pub(crate) arriving: CheckpointDir,
    /// The run, or the trunk, that it must be of.
    owner: RunId,
    /// Most bytes that its tensors can have.
    pub(crate) most_tensors: u64,
}

impl Arrival {
    /// # Errors
    /// When the attempt's launch file cannot be read, or tells of no such checkpoint.
    pub(crate) fn of(attempt: &AttemptDir, place: Place) -> io::Result<Self> {
        let launch = launch(attempt)?;
        let dir = place.of(&RunDir::at(launch.run_folder));
        let owner = place.owner(&launch.run, &launch.spec);
        let owner = owner.ok_or_else(|| io::Error::other("the run has no trunk"))?;
        // A checkpoint is part of what training holds in memory.
        let most_tensors = launch.memory_bytes_estimate.unwrap_or(MOST_TENSORS);
        Ok(Self {
            arriving: dir.arriving(&launch.fence),
            dir,
            owner,
            most_tensors,
        })
    }

    /// Makes a checkpoint of what has arrived, if it is whole, and this run's after this step.
    ///
    /// # Errors
    /// [`InvalidCheckpoint`].
    pub(crate) fn accept(&self, step: u64) -> Result<(), InvalidCheckpoint> {
        accept_checkpoint(&self.dir, &self.arriving, &self.owner, step)
    }
}
