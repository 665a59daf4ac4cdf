//! Events of a run, as typed JSON lines.

use std::fs::File;
use std::io::{self, BufRead, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::metrics::Scores;

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerEvent {
    /// Seconds since the attempt began.
    pub seconds: f64,
    /// Kind of the event.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Kind of the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The model is built, and training begins.
    Started {
        /// Steps remaining.
        steps: u64,
    },
    /// The trainer is making progress; written between points that are far apart.
    Heartbeat {
        /// Steps done.
        step: u64,
        /// Latest training loss, nats/token.
        loss_train: Option<f64>,
    },
    /// A point of the curve, at an evaluation.
    Evaluated(CurvePoint),
}

/// One point of a training curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Steps done.
    pub step: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// Training FLOPs spent.
    pub flops: f64,
    /// Mean training loss since the last point, nats/token; absent before the first step.
    pub loss_train: Option<f64>,
    /// Scores on held-out text.
    #[serde(flatten)]
    pub scores: Scores,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean global gradient norm since the last point, before clipping.
    pub grad_norm: Option<f64>,
    /// Mean norm of the parameters' change in a step since the last point.
    pub update_norm: Option<f64>,
    /// Seconds of training steps so far, without start-up, evaluation and checkpoints.
    pub train_seconds: f64,
}

/// Reads a file of events as it grows.
#[derive(Clone, Debug)]
pub struct EventTail {
    path: PathBuf,
    offset: u64,
}

impl EventTail {
    /// Makes a reader of a file, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0 }
    }

    /// Reads the events since the last call. An incomplete last line is left for the next call.
    ///
    /// # Errors
    /// If the file cannot be read, or a complete line is not an event.
    pub fn read_new(&mut self) -> io::Result<Vec<TrainerEvent>> {
        let mut file = File::open(&self.path)?;
        file.seek(io::SeekFrom::Start(self.offset))?;
        let mut reader = io::BufReader::new(file);
        let (mut events, mut line) = (Vec::new(), String::new());
        while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
            events.push(serde_json::from_str(&line)?);
            self.offset += line.len() as u64;
            line.clear();
        }
        Ok(events)
    }
}

/// Reads all events of a file.
///
/// # Errors
/// As [`EventTail::read_new`].
pub fn read_events(path: &Path) -> io::Result<Vec<TrainerEvent>> {
    EventTail::new(path.to_owned()).read_new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_last_line_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let event = TrainerEvent {
            seconds: 1.5,
            kind: EventKind::Heartbeat {
                step: 3,
                loss_train: None,
            },
        };
        let line = serde_json::to_string(&event).unwrap();
        std::fs::write(file.path(), format!("{line}\n{}", &line[..20])).unwrap();
        let mut tail = EventTail::new(file.path().to_owned());
        assert_eq!(tail.read_new().unwrap(), vec![event.clone()]);
        std::fs::write(file.path(), format!("{line}\n{line}\n")).unwrap();
        assert_eq!(tail.read_new().unwrap(), vec![event]);
    }
}
