//! The sweep file: as written, checked, and expanded into runs.
//!
//! [`load`] reads the YAML as a [`SweepFile`], [`SweepFile::checked`] makes a [`Sweep`] of plain values, and
//! [`Sweep::expand`] its runs. Expansion is pure: the same file and the same data digests give the same runs, in the
//! same order, with the same ids, anywhere.

#[macro_use]
mod written;

mod address;
mod architecture;
mod arms;
mod check;
mod corpora;
mod data;
mod error;
mod executor;
mod expand;
mod file;
mod given;
mod node;
mod number;
mod optimizer;
#[cfg(test)]
mod optimizer_tests;
mod place;
mod plan;
mod policy;
mod recipe;
mod rules;
mod settings_entry;
mod settings_schema;
mod shorthand;
mod size;
mod sizes;
mod spending;
mod sweep;
mod train;
mod yaml;

pub use architecture::ArmEntry;
pub use check::is_name;
pub use corpora::Corpora;
pub use data::{TextObject, TextPlace};
pub use error::{SweepError, nearest};
pub use executor::*;
pub use file::{SweepFile, load, parse, read, schema};
pub use number::{Count, Number};
pub use optimizer::OptimizerEntry;
pub use place::At;
pub use plan::{Plan, PlannedRun};
pub use policy::{Policy, QueuePolicy, RunOrder};
pub use size::{Ladder, SizeEntry};
pub use sweep::Sweep;
pub use train::{BatchEntry, BatchRuleEntry, LearningRateEntry, PowerLawEntry, TrainEntry};
