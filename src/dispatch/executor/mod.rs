//! Where a run executes. One file an engine; the contract with the trainer is the attempt's folder.

mod arrival;
mod asked;
mod attend;
mod calls;
mod devices;
mod disk;
mod dropped;
mod engine;
mod engines;
mod error;
mod http;
mod kills;
mod local;
mod log;
mod memory;
mod offer;
mod queue;
mod rotated;
mod storage;
mod survivors;
mod token;
mod workers;

pub use asked::{Asked, ask};
pub(crate) use attend::Signals;
pub use attend::{AttendError, Attended, attend};
pub use calls::Note;
pub(crate) use calls::{CallFailure, Calls};
pub use devices::{DeviceError, Slot, gpu_count, slots};
pub use disk::free_disk;
pub(crate) use dropped::dropped;
pub use engine::{Execution, ExecutionError, Executor, Trouble};
pub use engines::{Engines, engine_names};
pub use error::BackendError;
pub(crate) use http::words as http_words;
pub use local::{SpawnError, Trainer, TrainerMissing, error_line};
pub use memory::{FreeMemory, free_memory};
pub use queue::{Commands, Dialect, Queue, Ray, Resources, Slurm, unwant};
pub(crate) use rotated::RotatedLog;
pub use storage::{Bringing, Depot, DepotTerms, StorageAddress, StorageError, bring_text};
pub(crate) use storage::{Given, Objects, Shelf, Told, tag_of, tokens};
pub use survivors::kill_survivors;
pub use token::{Token, TokenError};
pub use workers::{
    CertificateError, Counter, Identity, Made, Tokens, TokensError, WorkerTerms, Workers,
    make_certificate, write_secret,
};
