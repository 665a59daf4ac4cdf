//! Executor for engines with a queue, for all queue backends.
//!
//! Engines forget jobs, start them twice and reuse their numbers. Therefore a job is identified by
//! its tag, its end is read from the file that it writes, and it counts as lost only after a grace
//! period.

mod backend;
mod call;
mod call_batcher;
mod engine;
mod following;
mod job;
mod job_listing;
mod open;
mod pending_timeout;
mod submission;

pub use backend::BackendSetupError;
pub use following::request_stop;
pub use job::JobFiles;
pub use open::queue;
