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
pub(crate) use opened::Opened;
pub use reader::{Counts, Reader, RunEntry};
pub use record::{Failure, FailureClass, Lease, Record, RunState};
pub(crate) use requests::Request;
pub use requests::RequestKind;
pub use write::Fence;
pub(crate) use write::{Change, End, LeaseChange, Store, Written};
