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
mod node;
mod number;
mod place;
mod plan_file;
mod policy;
mod rules;
mod settings;
mod shorthand;
mod size;
mod sizes;
mod train;

pub use architecture::ArmEntry;
pub use check::is_name;
pub use data::{TextObject, TextPlace};
pub use error::{SweepError, nearest};
pub use executor::*;
pub use expand::{Corpora, Plan, PlannedRun, plan};
pub use file::{SweepFile, load, parse, read, schema};
pub use number::{Count, Number};
pub use place::At;
pub use policy::{Policy, QueuePolicy, RunOrder};
pub use size::{Ladder, SizeEntry};
pub use train::{
    AdafactorEntry, AdamwEntry, BatchEntry, BatchRuleEntry, LearningRateEntry, MuonEntry,
    OptimizerEntry, PowerLawEntry, TrainEntry,
};
