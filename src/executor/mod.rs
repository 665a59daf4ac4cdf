//! Where a run executes. One file an engine; the contract with the trainer is the attempt's folder.

mod asked;
mod devices;
mod disk;
mod engine;
mod kills;
mod local;
mod log;
mod memory;
mod survivors;

pub use asked::{Asked, ask};
pub use devices::{DeviceError, Slot, slots};
pub use disk::free_disk;
pub use engine::{Execution, Executor};
pub use local::{AttemptEnd, SpawnError, Trainer, TrainerMissing, error_line};
pub use memory::{FreeMemory, free_memory};
pub use survivors::kill_survivors;
