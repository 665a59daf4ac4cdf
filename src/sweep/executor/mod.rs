//! Where runs execute. None of it is part of a run's identity.

mod command;
mod engine;
mod list;
mod local;
mod old_form;
mod ray;
mod seats;
mod settings;
mod slurm;
mod storage;
mod workers;

pub use command::CommandExecutor;
pub use engine::Executor;
pub use list::ExecutorList;
pub use local::{DeviceKind, LocalExecutor};
pub(super) use old_form::refusal;
pub use ray::RayExecutor;
pub use seats::{JobDevice, Seats};
pub use slurm::{SlurmExecutor, SlurmMemory, SlurmTime};
pub use storage::Storage;
pub use workers::WorkersExecutor;
