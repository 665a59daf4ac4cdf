//! Writing events.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use isoflop_core::run::{Event, EventKind};

use crate::failure::Failure;

/// Silence between heartbeats at the start of a run; later a hundredth of its age, so that a run of
/// days does not fill its file with them, and at most [`LONGEST_SILENCE`].
const SHORTEST_SILENCE: Duration = Duration::from_millis(500);
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// The attempt's `metrics.jsonl`, a line an event, each written at once.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: File,
    path: PathBuf,
    hasher: blake3::Hasher,
    began: Instant,
    last: Instant,
}

impl Recorder {
    pub(crate) fn create(path: PathBuf, began: Instant) -> Result<Self, Failure> {
        let file = File::create(&path).map_err(|e| Failure::cannot_write(path.display(), &e))?;
        Ok(Self {
            file,
            path,
            hasher: blake3::Hasher::new(),
            began,
            last: began,
        })
    }

    pub(crate) fn write(&mut self, kind: EventKind) -> Result<(), Failure> {
        let event = Event {
            seconds: self.began.elapsed().as_secs_f64(),
            kind,
        };
        let mut line = serde_json::to_string(&event)
            .map_err(|e| Failure::cannot_write(self.path.display(), &e.into()))?;
        line.push('\n');
        self.file
            .write_all(line.as_bytes())
            .map_err(|e| Failure::cannot_write(self.path.display(), &e))?;
        self.hasher.update(line.as_bytes());
        self.last = Instant::now();
        Ok(())
    }

    /// Says that the run is alive, if nothing was said for a while.
    pub(crate) fn heartbeat(&mut self, step: u64, loss_train: Option<f64>) -> Result<(), Failure> {
        let silence = (self.began.elapsed() / 100).clamp(SHORTEST_SILENCE, LONGEST_SILENCE);
        if self.last.elapsed() < silence {
            return Ok(());
        }
        self.write(EventKind::Heartbeat { step, loss_train })
    }

    /// Brings the file to the disk and gives its digest.
    pub(crate) fn finish(self) -> Result<String, Failure> {
        self.file
            .sync_all()
            .map_err(|e| Failure::cannot_write(self.path.display(), &e))?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }
}
