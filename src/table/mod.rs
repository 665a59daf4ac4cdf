//! Outcomes and metrics as tables, and the tables as Parquet. The only home of polars.

mod rows;

pub use rows::{CurveRow, Measured, RunRow, RunStatus};
