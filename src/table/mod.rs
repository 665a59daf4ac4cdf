//! Outcomes and metrics as tables, and the tables as Parquet. The only home of polars.

mod collect;
mod parquet;
mod rows;

pub use collect::{Tables, collect};
pub use parquet::TableError;
pub use rows::{CurveRow, Measured, RunRow, RunStatus};
