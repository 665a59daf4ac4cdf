//! Contract between the coordinator and the trainer: quantities, metrics, architectures, data, and
//! runs with their identities. Both programs depend on this crate; it depends on neither.

pub mod arch;
pub mod data;
pub mod metrics;
pub mod run;
pub mod units;
