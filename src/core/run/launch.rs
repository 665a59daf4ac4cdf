//! Where and how one attempt runs.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{RunId, RunSpec};

/// Where and how one attempt runs: what is not part of the identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The run.
    pub run: RunId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Fencing token: an outcome is accepted from the attempt that holds the run only.
    pub fence: String,
    /// Process to die with; the trainer stops when it is no longer its parent.
    pub parent_pid: Option<u32>,
    /// Training tokens, one file.
    pub train: PathBuf,
    /// Validation tokens, one file.
    pub validation: PathBuf,
    /// Device to use.
    pub device: Device,
    /// CPU threads to use.
    pub threads: u32,
    /// The run's folder, where its checkpoints lie.
    pub run_folder: PathBuf,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// The folder of the run whose trunk this one goes on from, if it is still there and whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_trunk: Option<PathBuf>,
    /// Whether the end of the trunk is kept for a run with a larger budget.
    #[serde(default)]
    pub keep_trunk: bool,
    /// Memory that the run was expected to hold, bytes, for the message of one that finds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes_estimate: Option<u64>,
    /// Sequences in a pass, where an attempt before this one found no memory for those of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_for_memory: Option<u32>,
    /// The spec.
    pub spec: RunSpec,
}

/// A device to train on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The processor.
    Cpu,
    /// A CUDA device by its index on the machine.
    Cuda(u32),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(index) => f.pad(&format!("cuda:{index}")),
        }
    }
}
