//! Execution of one attempt as a job of an engine, by `isoflop attempt`.

mod claim;
mod execute;
mod shared;
mod stored;

pub use claim::JobResult;
pub use execute::{JobAddress, attend};
