//! Engines with a queue of their own, whichever way they are spoken to: what they have in common. They forget jobs, start them twice and
//! use numbers again; so a job is known by its tag, its end by the file that it leaves, and it is lost only after a grace period.

mod call;
mod dialect;
mod engine;
mod following;
mod job;
mod listing;
mod open;
mod patience;
mod submission;
mod together;

pub use dialect::DialectError;
pub use following::unwant;
pub use job::JobFiles;
pub use open::queue;
