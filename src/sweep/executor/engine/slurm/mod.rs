//! Jobs of Slurm.

mod notation;
mod options;
mod settings;

pub use notation::{SlurmMemory, SlurmTime};
pub use settings::SlurmExecutor;
