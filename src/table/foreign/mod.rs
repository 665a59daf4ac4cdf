//! Tables of runs that others measured: CSV or Parquet to what is fitted.
//!
//! A row is a run. Columns are found by their usual names or by `--map`; docs/fitting.md says which. What is assumed and
//! what looks wrong is said in notes; what cannot be a run's value is an error with its line.

mod delimited;
mod encoding;
mod error;
mod file;
mod find;
mod hint;
mod names;
mod note;
mod outliers;
mod parquet;
mod placement;
mod repeats;
mod roles;
mod rows;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod training_logs;
mod value;
mod warnings;

pub use error::{ForeignError, ForeignFault};
pub use file::is_table;
pub use note::Note;
pub use roles::{Role, column_names};
pub use table::{Foreign, read_foreign};
