//! The sweep file: parsing, checks, and expansion into runs.
//!
//! [`load`] reads the YAML as a [`SweepFile`], [`SweepFile::checked`] checks it and returns a
//! [`CheckedSweep`], and [`CheckedSweep::expand`] returns its runs. Expansion is pure: the same
//! file and the same data digests give the same runs, in the same order, with the same identities,
//! on every machine.

#[macro_use]
mod custom_serde;

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
mod located;
mod node;
mod not_empty;
mod number;
mod optimizer;
#[cfg(test)]
mod optimizer_tests;
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
pub use data::{TextLocation, TextObject};
pub use error::{SweepError, suggestion};
pub use executor::*;
pub use file::{SweepFile, load, parse, read, schema};
pub use located::LocatedValue;
pub use number::{FiniteNumber, WholeNumber};
pub use optimizer::OptimizerEntry;
pub use plan::{Plan, PlannedRun};
pub use policy::{QueuePolicy, RunOrder, RunPolicy};
pub use size::{Ladder, SizeEntry};
pub use sweep::CheckedSweep;
pub use train::{BatchEntry, BatchRuleEntry, LearningRateEntry, PowerLawEntry, TrainEntry};
