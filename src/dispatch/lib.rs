//! Execution of runs: the coordinator and its store, executors, exchanges of files, and workers.

pub mod coordinator;
pub mod exchange;
pub mod executor;
pub mod protocol;
pub mod store;
pub mod worker;
