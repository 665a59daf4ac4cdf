//! The coordinator's durable memory: how each run of a sweep stands, in SQLite (docs/coordinator.md).
//!
//! It is not the source of results: outcome files are. It can be deleted, and is made anew from the results folder.

mod record;
mod requests;
mod rows;
mod schema;
mod write;

#[cfg(test)]
mod tests;

pub use record::{Failure, FailureClass, Lease, Record, RunState};
pub use requests::{Request, RequestKind};
pub use rows::{Counts, Reader, RunEntry};
pub use schema::StoreError;
pub use write::{Change, Fence, Listed, Opened, Store, Written};
