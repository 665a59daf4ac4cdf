//! Messages between workers and coordinators, with their limits and their version.

use serde::{Deserialize, Serialize};

use super::{AttemptKey, Digest};
use isoflop_core::run::{AttemptEnd, RunSpec, SPEC_VERSION};

/// Longest wait for a run that fits, seconds.
pub const LONGEST_WAIT_SECONDS: f64 = 30.0;

/// Largest size of the events in one heartbeat, bytes.
pub const MOST_EVENTS: usize = 1 << 20;

/// Largest size of a JSON message, bytes. Files have their own limits.
pub const MOST_JSON: usize = 8 << 20;

/// Largest size of the trainer's log that is delivered with an attempt's end, bytes: the latest
/// part.
pub const MOST_LOG: usize = 1 << 20;

/// Version of the protocol. Every incompatible change must increase it.
const PROTOCOL: u32 = 1;

/// The header with the worker's [`version`], sent with every request.
pub const VERSION_HEADER: &str = "isoflop-protocol";

/// The hint for two machines with different versions.
pub const SAME_ISOFLOP: &str = "install the same version of isoflop on both machines";

/// The version that both sides must have in common: of the protocol, and of the spec of a run.
pub fn version() -> String {
    format!("{PROTOCOL}.{SPEC_VERSION}")
}

/// Introduction of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandshakeRequest {
    /// Version of isoflop.
    pub isoflop: String,
    /// Name of its machine.
    pub host: String,
    /// CPU cores for runs.
    pub cores: u32,
    /// GPUs for runs.
    pub gpus: u32,
}

/// Response to a [`HandshakeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandshakeResponse {
    /// Version of isoflop.
    pub isoflop: String,
    /// The worker's name, which follows from its token.
    pub worker: String,
    /// The sweep.
    pub sweep: String,
}

/// Request for a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Free cores.
    pub cores: u32,
    /// Free GPUs.
    pub gpus: u32,
    /// Time to wait for a run that fits, seconds.
    pub wait_seconds: f64,
}

/// An attempt for a worker. It contains no path and no command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The attempt key, which identifies the attempt in later messages.
    pub held: AttemptKey,
    /// True if it trains on a GPU, false for the CPU.
    pub gpu: bool,
    /// CPU threads to use.
    pub threads: u32,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// True if checkpoints are delivered as they are written, so that another worker can continue
    /// the run.
    pub deliver_checkpoints: bool,
    /// True if the end of the trunk is delivered, for a run with a larger budget.
    pub keep_trunk: bool,
    /// Estimated memory, bytes.
    pub memory_bytes_estimate: Option<u64>,
    /// Sequences in a pass, if an earlier attempt ran out of memory with those of the spec.
    pub split_for_memory: Option<u32>,
    /// The run.
    pub spec: RunSpec,
    /// Training tokens.
    pub train: Digest,
    /// Validation tokens.
    pub validation: Digest,
    /// The latest checkpoint of an earlier attempt.
    pub checkpoint: Option<AssignedCheckpoint>,
    /// The trunk to continue from.
    pub trunk: Option<AssignedCheckpoint>,
    /// Seconds between heartbeats.
    pub beat_seconds: f64,
}

impl Assignment {
    /// Reports whether this isoflop reads the spec's version, and the run's identity is that of the
    /// spec.
    pub fn names_its_spec(&self) -> bool {
        self.spec.version == SPEC_VERSION && self.spec.id() == self.held.run
    }
}

/// A checkpoint that the coordinator has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignedCheckpoint {
    /// Steps done.
    pub step: u64,
    /// Its manifest.
    pub manifest: Digest,
    /// Its tensors.
    pub tensors: Digest,
}

/// Heartbeat of an attempt, with the trainer's new events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// The attempt.
    pub held: AttemptKey,
    /// True if its trainer was started; before that, its files are fetched.
    pub began: bool,
    /// Bytes of events before these.
    pub offset: u64,
    /// Events, complete lines.
    pub events: String,
}

/// Response to a [`Heartbeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatResponse {
    /// The order for the attempt.
    pub order: AttemptOrder,
    /// Bytes of events that the coordinator has. The next heartbeat must continue there.
    pub offset: u64,
}

/// An order for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOrder {
    /// Continue.
    GoOn,
    /// Write a checkpoint and end.
    Stop,
    /// End at once, without delivering anything: another attempt has the run, or the run is not
    /// needed any more.
    Forget,
}

/// End of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndRequest {
    /// The attempt.
    pub held: AttemptKey,
    /// The end of its trainer.
    pub end: AttemptEnd,
    /// Bytes of its events, all of which must be delivered before this message.
    pub events: u64,
    /// The outcome as the trainer wrote it, if it did.
    pub outcome: Option<String>,
    /// The latest part of its log.
    pub log: String,
}

/// Response to an [`EndRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndResponse {
    /// The end is recorded: the worker can forget the attempt.
    Taken,
    /// The attempt is not needed any more: the worker can forget it.
    Unwanted,
    /// Events are missing after this many bytes.
    Events(u64),
}

/// Response to a request that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRefusal {
    /// The error.
    pub error: String,
    /// The hint.
    pub hint: String,
}

impl RequestRefusal {
    /// Creates a refusal from an error and a hint.
    pub fn new(error: impl ToString, hint: &str) -> Self {
        Self {
            error: error.to_string(),
            hint: hint.to_owned(),
        }
    }
}
