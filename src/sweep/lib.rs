//! The sweep file: as written, checked, and expanded into runs.
//!
//! `load` reads the YAML, `plan` expands it. Expansion is pure: the same file and the same data
//! digests give the same runs, in the same order, with the same ids, anywhere.

mod address;
mod architecture;
mod check;
mod data;
mod error;
mod executor;
mod expand;
mod file;
mod given;
mod number;
mod optimizer;
#[cfg(test)]
mod optimizer_tests;
mod place;
mod plan_file;
mod rules;
mod settings;
mod settings_entry;
mod settings_schema;
mod shorthand;
mod size;
mod sizes;
mod train;

pub use architecture::ArmEntry;
pub use check::is_name;
pub use data::{TextObject, TextPlace};
pub use error::{SweepError, nearest};
pub use executor::{
    CommandExecutor, DeviceKind, Executor, JobDevice, LocalExecutor, RayExecutor, RunOrder,
    SeveralExecutor, SlurmExecutor, SlurmMemory, SlurmTime, Storage, Treatment, WorkersExecutor,
};
pub use expand::{Corpora, Plan, PlannedRun, plan};
pub use file::{SweepFile, load, parse, read, schema};
pub use number::{Count, Number};
pub use optimizer::OptimizerEntry;
pub use place::At;
pub use size::{Ladder, SizeEntry};
pub use train::{BatchEntry, BatchRuleEntry, LearningRateEntry, PowerLawEntry, TrainEntry};
