//! The contract between the coordinator's side and the trainer: quantities, architectures, runs and their
//! identity, data. Both programs stand on it; it knows neither.

pub mod arch;
pub mod data;
pub mod run;
pub mod units;
