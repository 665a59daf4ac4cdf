//! The worker: claims runs from a coordinator on another machine, trains them, and keeps their
//! results until the coordinator acknowledges them. It needs only outgoing connections, and
//! executes only the trainer.

mod attempt;
mod daemon;
mod deliver;
mod error;
mod fetch;
mod folder;
mod host;
mod job;
mod slot_share;
mod trace;

pub use daemon::{WorkerOptions, work};
pub use error::WorkerError;
pub use job::{JobAddress, JobResult, attend};
