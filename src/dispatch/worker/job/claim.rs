//! Claims of attempts, and results of jobs.

use std::io;

use serde_json::{Value, json};

use super::super::host::host;
use crate::exchange::random;

/// Result of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// The attempt is over. Its end is written to its location.
    Ended,
    /// Another job has claimed the attempt: the engine started it twice.
    AlreadyClaimed,
    /// The attempt is missing: it was cancelled, or is over.
    Missing,
}

/// Claim of this process, with a random mark. If an engine requeues a job after its node has
/// failed, the job finds the attempt claimed and ends. The coordinator sees that end, and starts
/// another attempt with a new fencing token.
pub(super) fn claimant() -> io::Result<Value> {
    let mark = u128::from_le_bytes(random()?).to_string();
    Ok(json!({ "host": host(), "process": std::process::id(), "mark": mark }))
}
