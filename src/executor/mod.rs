//! Where a run executes. One file an engine; the contract with the trainer is the attempt's folder.

mod devices;
mod local;

pub use devices::{DeviceError, Slot, slots};
pub use local::{AttemptEnd, LocalProcess, SpawnError, Trainer, TrainerMissing, error_line};
