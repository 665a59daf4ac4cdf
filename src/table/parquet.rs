//! Rows as polars frames, and frames as Parquet.

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, ParquetWriter, PolarsError};

use super::row::TableRow;
use isoflop_core::run::write_whole;

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// polars refused.
    #[error("the table `{path}` cannot be made: {source}")]
    Frame {
        /// The file.
        path: PathBuf,
        /// What polars said.
        source: PolarsError,
    },
    /// The system refused.
    #[error("the table `{path}` cannot be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
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
    write_whole(path, &bytes).map_err(|source| TableError::Write {
        path: path.to_owned(),
        source,
    })
}
