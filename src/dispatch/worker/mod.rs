//! The worker: it takes runs from a coordinator elsewhere, trains them here, and keeps what they bring until that is acknowledged.
//! It needs outgoing connections alone, and executes nothing but the trainer that lies beside it.

mod attempt;
mod daemon;
mod deliver;
mod error;
mod fetch;
mod folder;
mod host;
mod job;
mod seat;
mod trace;

pub use daemon::{WorkerOptions, work};
pub use error::WorkerError;
pub use job::{Attended, JobAddress, attend};
