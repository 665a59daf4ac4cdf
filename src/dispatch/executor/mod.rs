//! Where a run executes. One file an engine; the contract with the trainer is the attempt's folder.

mod asked;
mod devices;
mod disk;
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

pub use asked::Asked;
pub(crate) use asked::ask;
pub use devices::{DeviceError, Slot, gpu_count, slots};
pub(crate) use disk::free_disk;
pub use engine::{Execution, ExecutionError, Executor, SpawnError, Trouble};
pub use engines::{Engines, engine_names};
pub(crate) use local::error_line;
pub use local::{Trainer, TrainerMissing};
pub use memory::{FreeMemory, free_memory};
pub use queue::{DialectError, JobFiles, queue, unwant};
pub(crate) use rotated::RotatedLog;
pub(crate) use signals::Signals;
pub(crate) use survivors::kill_survivors;
pub use workers::{
    CertificateError, Counter, Identity, Made, Tokens, TokensError, Workers, make_certificate,
    write_secret,
};
