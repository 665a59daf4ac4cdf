//! Slurm.

mod options;
mod settings;
mod written;

pub use settings::SlurmExecutor;
pub use written::{SlurmMemory, SlurmTime};
