//! The messages, how long and how large they may be, and what both sides must have in common to read them.

use serde::{Deserialize, Serialize};

use super::{Digest, Held};
use isoflop_core::run::{AttemptEnd, RunSpec, SPEC_VERSION};

/// Longest wait for a run that fits, seconds.
pub const LONGEST_WAIT_SECONDS: f64 = 30.0;

/// Most bytes of events in one beat.
pub const MOST_EVENTS: usize = 1 << 20;

/// Most bytes of a message that is JSON; files have limits of their own.
pub const MOST_JSON: usize = 8 << 20;

/// Most bytes of what a trainer printed that are delivered with its end: the latest.
pub const MOST_LOG: usize = 1 << 20;

/// Version of the words that pass between them: changed with every change that the other side would not understand.
const PROTOCOL: u32 = 1;

/// The header in which a worker says which [`version`] it speaks, in every request.
pub const VERSION_HEADER: &str = "isoflop-protocol";

/// The hint for two machines with different versions.
pub const SAME_ISOFLOP: &str = "install the same isoflop on both machines";

/// What both sides must have in common: the words, and what a run is.
pub fn version() -> String {
    format!("{PROTOCOL}.{SPEC_VERSION}")
}

/// A worker introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Version of isoflop.
    pub isoflop: String,
    /// Its machine's name.
    pub host: String,
    /// CPU cores that it gives to runs.
    pub cores: u32,
    /// GPUs that it gives to runs.
    pub gpus: u32,
}

/// The coordinator's answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// Version of isoflop.
    pub isoflop: String,
    /// What the worker is called, by its token.
    pub worker: String,
    /// The sweep.
    pub sweep: String,
}

/// A worker has room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Cores that are free.
    pub cores: u32,
    /// GPUs that are free.
    pub gpus: u32,
    /// For how long to wait for a run that fits, seconds.
    pub wait_seconds: f64,
}

/// A run for a worker: what to train, without a path or a command in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// By which the worker names it from here on.
    pub held: Held,
    /// Whether it trains on a GPU; on the CPU otherwise.
    pub gpu: bool,
    /// CPU threads to use.
    pub threads: u32,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// Whether checkpoints are delivered as they are written, so that another worker can go on.
    pub deliver_checkpoints: bool,
    /// Whether the end of the trunk is delivered, for a run with a larger budget.
    pub keep_trunk: bool,
    /// Memory that it is expected to hold, bytes.
    pub memory_bytes_estimate: Option<u64>,
    /// Sequences in a pass, where an attempt before found no memory for those of the spec.
    pub split_for_memory: Option<u32>,
    /// The run.
    pub spec: RunSpec,
    /// Training tokens.
    pub train: Digest,
    /// Validation tokens.
    pub validation: Digest,
    /// Where an attempt before this one was.
    pub checkpoint: Option<OfferedCheckpoint>,
    /// The trunk to go on from.
    pub trunk: Option<OfferedCheckpoint>,
    /// Seconds between beats.
    pub beat_seconds: f64,
}

impl Offer {
    /// Whether its spec is one that this isoflop reads, and the run is named by it.
    pub fn names_its_spec(&self) -> bool {
        self.spec.version == SPEC_VERSION && self.spec.id() == self.held.run
    }
}

/// A checkpoint that the coordinator has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedCheckpoint {
    /// Steps done.
    pub step: u64,
    /// Its manifest.
    pub manifest: Digest,
    /// Its tensors.
    pub tensors: Digest,
}

/// A worker is there, and so is what its trainer said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// The attempt.
    pub held: Held,
    /// Whether its trainer was started; before that, what it needs is fetched.
    pub began: bool,
    /// Bytes of events before these.
    pub offset: u64,
    /// Events, whole lines.
    pub events: String,
}

/// What the coordinator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatAnswer {
    /// What to do.
    pub order: Order,
    /// Bytes of events that the coordinator has: the next beat brings those after them.
    pub offset: u64,
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Go on.
    GoOn,
    /// Write a checkpoint and end.
    Stop,
    /// End at once, and forget it: another attempt has the run, or nobody wants it.
    Forget,
}

/// An attempt is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The attempt.
    pub held: Held,
    /// How its trainer ended.
    pub end: AttemptEnd,
    /// Bytes of its events: all are delivered before this.
    pub events: u64,
    /// The outcome as the trainer wrote it, if it did.
    pub outcome: Option<String>,
    /// The latest of what it printed.
    pub log: String,
}

/// The coordinator's answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndAnswer {
    /// It is written down: the worker may forget it.
    Taken,
    /// Nobody wants it any more: the worker may forget it.
    Unwanted,
    /// Events are missing, after so many bytes.
    Events(u64),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong.
    pub error: String,
    /// What to do.
    pub hint: String,
}

impl Refusal {
    /// A refusal, and what to do about it.
    pub fn new(error: impl ToString, hint: &str) -> Self {
        Self {
            error: error.to_string(),
            hint: hint.to_owned(),
        }
    }
}
