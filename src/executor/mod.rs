//! Where a run executes. One file an engine; the contract with the trainer is the attempt's folder.

mod asked;
mod attend;
mod devices;
mod disk;
mod engine;
mod kills;
mod local;
mod log;
mod memory;
mod queue;
mod survivors;

pub use asked::{Asked, ask};
pub use attend::{AttendError, Attended, attend};
pub use devices::{DeviceError, Slot, slots};
pub use disk::free_disk;
pub use engine::{Execution, ExecutionError, Executor};
pub use local::{SpawnError, Trainer, TrainerMissing, error_line};
pub use memory::{FreeMemory, free_memory};
pub use queue::{Commands, Dialect, Queue, Slurm, unwant};
pub use survivors::kill_survivors;
