//! How each engine with a queue is spoken to: a new one has its file here, and its line in `open.rs`.

mod command;
mod interface;
mod ray;
mod slurm;

pub(super) use interface::Dialect;
pub use interface::DialectError;
pub(super) use ray::Ray;
pub(super) use slurm::Slurm;
