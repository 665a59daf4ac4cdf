//! Carrying out what the schedule decides: the store first, then processes and files.

mod active;
mod driver;
mod judge;
mod ledger;
mod observer;
mod options;
mod summary;
mod trace;

pub use driver::drive;
pub use observer::{DiskRoom, Observer};
pub use options::Options;
pub use summary::{DriveError, Summary};
