//! A short measurement of step times, for `plan`: one request and one result per line.

use serde::{Deserialize, Serialize};

use super::{Device, RunSpec};

/// Request for the step time of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationRequest {
    /// Spec of the run; its data is not read.
    pub spec: RunSpec,
    /// Device to measure on.
    pub device: Device,
    /// CPU threads.
    pub threads: u32,
}

/// Measured times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationResult {
    /// Seconds for one optimizer step, median.
    pub step_seconds: f64,
    /// Seconds to score one held-out token.
    pub eval_token_seconds: f64,
}
