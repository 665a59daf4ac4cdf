//! Executors, one module for each engine. Their interface with the trainer is the attempt's folder.

mod devices;
mod engine;
mod engines;
mod local;
mod log;
mod memory;
mod memory_kills;
mod queue;
mod rotated;
mod signals;
mod survivors;
mod workers;

pub use devices::{DeviceError, Slot, gpu_count, slots};
pub use engine::{Execution, ExecutionError, Executor, Outage, SpawnError, StopRequest};
pub(crate) use engine::{raise_request, wait_for_request};
pub use engines::{Engines, engine_names};
pub(crate) use local::error_line;
pub use local::{TrainerMissing, TrainerProgram};
pub(crate) use memory::free_disk;
pub use memory::{FreeMemory, free_memory};
pub use queue::{BackendSetupError, JobFiles, queue, request_stop};
pub(crate) use rotated::RotatedLog;
pub(crate) use signals::Signals;
pub(crate) use survivors::kill_survivors;
pub use workers::{
    CertificateError, CertificateFiles, ServerIdentity, TokensError, WorkerPool, WorkerServer,
    WorkerTokens, make_certificate, write_secret,
};
