//! From runs to outcomes: the coordinator and its store, the engines that it gives runs to, the workers that it serves.

pub mod coordinator;
pub mod exchange;
pub mod executor;
pub mod protocol;
pub mod store;
pub mod worker;
