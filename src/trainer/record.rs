//! Writer of an attempt's events.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use isoflop_core::run::{EventKind, TrainerEvent};

use crate::failure::TrainerFailure;

/// Interval of heartbeats at the start of an attempt. Later it is a hundredth of the attempt's age,
/// at most [`MAX_HEARTBEAT_INTERVAL`], so that a run of days does not fill its file with heartbeats.
const MIN_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);
const MAX_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(20);

/// Writer of `metrics.jsonl`: one line per event, written immediately.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: File,
    path: PathBuf,
    hasher: blake3::Hasher,
    began: Instant,
    last: Instant,
}

impl Recorder {
    pub(crate) fn create(path: PathBuf, began: Instant) -> Result<Self, TrainerFailure> {
        let file =
            File::create(&path).map_err(|e| TrainerFailure::cannot_write(path.display(), &e))?;
        Ok(Self {
            file,
            path,
            hasher: blake3::Hasher::new(),
            began,
            last: began,
        })
    }

    pub(crate) fn write(&mut self, kind: EventKind) -> Result<(), TrainerFailure> {
        let event = TrainerEvent {
            seconds: self.began.elapsed().as_secs_f64(),
            kind,
        };
        let mut line = serde_json::to_string(&event)
            .map_err(|e| TrainerFailure::cannot_write(self.path.display(), &e.into()))?;
        line.push('\n');
        self.file
            .write_all(line.as_bytes())
            .map_err(|e| TrainerFailure::cannot_write(self.path.display(), &e))?;
        self.hasher.update(line.as_bytes());
        self.last = Instant::now();
        Ok(())
    }

    /// Writes a heartbeat if the last event is old enough.
    pub(crate) fn heartbeat(
        &mut self,
        step: u64,
        loss_train: Option<f64>,
    ) -> Result<(), TrainerFailure> {
        let silence =
            (self.began.elapsed() / 100).clamp(MIN_HEARTBEAT_INTERVAL, MAX_HEARTBEAT_INTERVAL);
        if self.last.elapsed() < silence {
            return Ok(());
        }
        self.write(EventKind::Heartbeat { step, loss_train })
    }

    /// Syncs the file to the disk and returns its digest.
    pub(crate) fn finish(self) -> Result<String, TrainerFailure> {
        self.file
            .sync_all()
            .map_err(|e| TrainerFailure::cannot_write(self.path.display(), &e))?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }
}
