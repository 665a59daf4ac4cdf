//! Executes the schedule's decisions: writes them to the store first, then starts processes and
//! writes files.

mod active;
mod classify_exit;
mod driver;
mod observer;
mod options;
mod run_ledger;
mod summary;
mod trace;

pub use driver::drive;
pub use observer::{DiskRoom, Observer};
pub use options::DriveOptions;
pub use summary::{DriveError, DriveSummary};
