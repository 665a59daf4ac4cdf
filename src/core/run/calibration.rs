//! A short measurement of step times, for `plan`: a question and an answer a line.

use serde::{Deserialize, Serialize};

use super::{Device, RunSpec};

/// Asks how long a step of this run takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationRequest {
    /// The run; its data is not read.
    pub spec: RunSpec,
    /// Where.
    pub device: Device,
    /// CPU threads.
    pub threads: u32,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationResult {
    /// Seconds for one optimizer step, median.
    pub step_seconds: f64,
    /// Seconds to score one held-out token.
    pub eval_token_seconds: f64,
}
