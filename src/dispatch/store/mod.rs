//! The coordinator's store: the state of each run of a sweep, in SQLite (docs/coordinator.md).
//!
//! Outcome files are the source of results, not the store. It can be deleted: the next coordinator
//! rebuilds it from the results folder.

mod database;
mod error;
mod open_store;
mod reader;
mod record;
mod requests;
mod write;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub(crate) use open_store::OpenStore;
pub use reader::{RunEntry, StateCounts, StoreReader};
pub use record::{AttemptFailure, FailureClass, Lease, RunRecord, RunState};
pub use requests::RequestKind;
pub(crate) use requests::UserRequest;
pub use write::FencingToken;
pub(crate) use write::{ChangeResult, LeaseChange, LeaseEnd, RunChange, Store};
