//! Where a run executes. One file an engine; the contract with the trainer is the attempt's folder.

mod devices;
mod local;
mod memory;

pub use devices::{DeviceError, Slot, slots};
pub use local::{AttemptEnd, LocalProcess, SpawnError, Trainer, TrainerMissing, error_line};
pub use memory::{FreeMemory, free_memory, kills_for_memory};
