//! The contract between the coordinator's side and the trainer: quantities, metrics, architectures, runs and
//! their identity, data. Both programs stand on it; it knows neither.

pub mod arch;
pub mod data;
pub mod metrics;
pub mod run;
pub mod units;
