//! Whose an attempt is, and what became of it.

use std::io;

use serde_json::{Value, json};

use super::super::host::host;
use crate::exchange::random;

/// What became of an attempt here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// It is over, which its coordinator finds where the attempt lies.
    Ended,
    /// It is executed elsewhere, or was: the engine has started it twice.
    Elsewhere,
    /// It is not there: it was given up, or is over.
    Unwanted,
}

/// Who claims an attempt: this process, by a mark that no other has. A job that an engine queues again after its node has died finds
/// the attempt claimed: the coordinator sees that job end and makes an attempt of its own, with a token of its own.
pub(super) fn claimant() -> io::Result<Value> {
    let mark = u128::from_le_bytes(random()?).to_string();
    Ok(json!({ "host": host(), "process": std::process::id(), "mark": mark }))
}
