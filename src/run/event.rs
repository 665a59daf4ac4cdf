//! What a run says while it goes: typed JSON lines.

use std::io::{self, BufRead};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since the attempt began.
    pub seconds: f64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The model stands and training begins.
    Started {
        /// Steps to come.
        steps: u64,
    },
    /// Still alive; written between points when they are far apart.
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
    /// Validation loss, nats/token.
    pub loss_val: f64,
    /// Validation loss, bits per byte of text.
    pub bits_per_byte: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean global gradient norm since the last point, before clipping.
    pub grad_norm: Option<f64>,
    /// Seconds spent in training steps alone, without start-up and evaluation.
    pub train_seconds: f64,
}

/// Reads events; a last line that is still being written is left out.
///
/// # Errors
/// When the file cannot be read, or a whole line is no event.
pub fn read_events(path: &Path) -> io::Result<Vec<Event>> {
    let mut events = Vec::new();
    let mut reader = io::BufReader::new(std::fs::File::open(path)?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
        events.push(serde_json::from_str(&line)?);
        line.clear();
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_last_line_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let event = Event { seconds: 1.5, kind: EventKind::Heartbeat { step: 3, loss_train: None } };
        let line = serde_json::to_string(&event).unwrap();
        std::fs::write(file.path(), format!("{line}\n{}", &line[..20])).unwrap();
        assert_eq!(read_events(file.path()).unwrap(), vec![event]);
    }
}
