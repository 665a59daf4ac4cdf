//! Delivery of an attempt's files from another machine into the attempt's folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use super::assignment::launch;
use crate::protocol::{CheckpointKind, EndRequest, EndResponse};
use isoflop_core::run::{
    AttemptDir, CheckpointDir, CheckpointsDir, InvalidCheckpoint, RunDir, RunId, accept_checkpoint,
    write_atomic, write_json, write_json_unsynced,
};

/// Maximum bytes of a checkpoint's tensors, for a run without a memory estimate.
const MOST_TENSORS: u64 = 64 << 30;

/// Writes a note about an attempt as JSON, unless it exists. A note records the worker that has the
/// attempt, for the next coordinator, or that the attempt has begun, for this one.
pub(crate) fn write_note(path: &Path, who: &Value) -> io::Result<()> {
    if path.exists() {
        Ok(())
    } else {
        write_json_unsynced(path, who)
    }
}

/// Appends events if they begin at the end of the file. Returns the bytes of events in the file.
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

/// Bytes of events in the attempt's folder.
pub(crate) fn length(attempt: &AttemptDir) -> u64 {
    fs::metadata(attempt.metrics()).map_or(0, |metadata| metadata.len())
}

/// Writes the log, the outcome and the end of an attempt. Events and outcome are synced before
/// `end.json` is written. If events are missing, writes no file and returns
/// [`EndResponse::Events`].
pub(crate) fn deliver(attempt: &AttemptDir, end: &EndRequest) -> io::Result<EndResponse> {
    let there = length(attempt);
    if there < end.events {
        return Ok(EndResponse::Events(there));
    }
    if let Ok(events) = fs::File::open(attempt.metrics()) {
        events.sync_all()?;
    }
    fs::write(attempt.log(), &end.log)?;
    if let Some(outcome) = &end.outcome {
        write_atomic(&attempt.outcome(), outcome.as_bytes())?;
    }
    write_json(&attempt.end(), &end.end)?;
    Ok(EndResponse::Taken)
}

/// Destination of a checkpoint that is being delivered, and its expected owner.
pub(crate) struct CheckpointArrival {
    pub(crate) dir: CheckpointsDir,
    pub(crate) arriving: CheckpointDir,
    /// Run or trunk that the checkpoint must belong to.
    owner: RunId,
    /// Maximum bytes of its tensors.
    pub(crate) most_tensors: u64,
}

impl CheckpointArrival {
    /// Reads the destination from the attempt's launch file.
    ///
    /// # Errors
    /// When the launch file cannot be read, or the run has no such checkpoint.
    pub(crate) fn of(attempt: &AttemptDir, place: CheckpointKind) -> io::Result<Self> {
        let launch = launch(attempt)?;
        let dir = place.of(&RunDir::at(launch.run_folder));
        let owner = place.owner(&launch.run, &launch.spec);
        let owner = owner.ok_or_else(|| io::Error::other("the run has no trunk"))?;
        // A checkpoint is a part of the memory of training, so the estimate is an upper bound.
        let most_tensors = launch.memory_bytes_estimate.unwrap_or(MOST_TENSORS);
        Ok(Self {
            arriving: dir.arriving(&launch.fence),
            dir,
            owner,
            most_tensors,
        })
    }

    /// Turns the delivered files into a checkpoint, if they are complete and belong to this run and
    /// step.
    ///
    /// # Errors
    /// [`InvalidCheckpoint`].
    pub(crate) fn accept(&self, step: u64) -> Result<(), InvalidCheckpoint> {
        accept_checkpoint(&self.dir, &self.arriving, &self.owner, step)
    }
}
