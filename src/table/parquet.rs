//! Writer of rows as Parquet files.

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, ParquetWriter, PolarsError};

use super::row::TableRow;
use isoflop_core::run::write_atomic;

/// Failure to write a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// polars cannot build or encode the table.
    #[error("cannot build the table `{path}`: {source}")]
    Frame {
        /// Path of the file.
        path: PathBuf,
        /// Error of polars.
        source: PolarsError,
    },
    /// The file cannot be written.
    #[error("cannot write the table `{path}`: {source}")]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
}

pub(super) fn write<'a, R: TableRow + 'a>(
    path: &Path,
    rows: impl Iterator<Item = &'a R> + Clone,
) -> Result<(), TableError> {
    let columns = R::columns(rows);
    let height = columns.first().map_or(0, Column::len);
    let mut bytes = Vec::new();
    DataFrame::new(height, columns)
        .and_then(|mut frame| ParquetWriter::new(&mut bytes).finish(&mut frame))
        .map_err(|source| TableError::Frame {
            path: path.to_owned(),
            source,
        })?;
    write_atomic(path, &bytes).map_err(|source| TableError::Write {
        path: path.to_owned(),
        source,
    })
}
