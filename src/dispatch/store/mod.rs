//! The coordinator's durable memory: how each run of a sweep stands, in SQLite (docs/coordinator.md).
//!
//! It is not the source of results: outcome files are. It can be deleted, and is made anew from the results folder.

mod database;
mod error;
mod opened;
mod reader;
mod record;
mod requests;
mod write;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use opened::{Listed, Opened};
pub use reader::{Counts, Reader, RunEntry};
pub use record::{Failure, FailureClass, Lease, Record, RunState};
pub use requests::{Request, RequestKind};
pub use write::{Change, End, Fence, LeaseChange, Store, Written};
