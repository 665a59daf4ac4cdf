//! Settings of one attempt.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{RunId, RunSpec};

/// Settings of one attempt, which are not part of the run's identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The run.
    pub run: RunId,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Fencing token. Only the outcome of the attempt that holds the run's lease is accepted.
    pub fence: String,
    /// Process ID of the parent. The trainer stops when this process is no longer its parent.
    pub parent_pid: Option<u32>,
    /// Training tokens, one file.
    pub train: PathBuf,
    /// Validation tokens, one file.
    pub validation: PathBuf,
    /// Device to use.
    pub device: Device,
    /// CPU threads to use.
    pub threads: u32,
    /// The run's folder, which contains its checkpoints.
    pub run_folder: PathBuf,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// Folder of the run whose trunk this run continues from, if the trunk still exists and is
    /// valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_trunk: Option<PathBuf>,
    /// True if the end of the trunk is kept for a run with a larger budget.
    #[serde(default)]
    pub keep_trunk: bool,
    /// Estimated memory of the run, bytes, for the message if memory runs out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes_estimate: Option<u64>,
    /// Sequences in a pass, if an earlier attempt ran out of memory with those of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_for_memory: Option<u32>,
    /// Spec of the run.
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
