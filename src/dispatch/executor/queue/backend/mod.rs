//! Queue backends. A new backend needs a module here and a line in `open.rs`.

mod command;
mod interface;
mod ray;
mod slurm;

pub use interface::BackendSetupError;
pub(super) use interface::QueueBackend;
pub(super) use ray::RayBackend;
pub(super) use slurm::SlurmBackend;
