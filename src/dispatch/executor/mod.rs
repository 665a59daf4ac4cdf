//! Where a run executes. One file an engine; the contract with the trainer is the attempt's folder.

mod devices;
mod engine;
mod engines;
mod kills;
mod local;
mod log;
mod memory;
mod queue;
mod rotated;
mod signals;
mod survivors;
mod workers;

pub use devices::{DeviceError, Slot, gpu_count, slots};
pub use engine::{Asked, Execution, ExecutionError, Executor, SpawnError, Trouble};
pub(crate) use engine::{ask, heard};
pub use engines::{Engines, engine_names};
pub(crate) use local::error_line;
pub use local::{Trainer, TrainerMissing};
pub(crate) use memory::free_disk;
pub use memory::{FreeMemory, free_memory};
pub use queue::{DialectError, JobFiles, queue, unwant};
pub(crate) use rotated::RotatedLog;
pub(crate) use signals::Signals;
pub(crate) use survivors::kill_survivors;
pub use workers::{
    CertificateError, Counter, Identity, Made, Tokens, TokensError, Workers, make_certificate,
    write_secret,
};
