//! Rows as polars frames, and frames as Parquet.

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, ParquetWriter, PolarsError};

use super::{CurveRow, Measured, RunRow, Tables};
use isoflop_core::run::{SweepDir, write_whole};

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

impl Tables {
    /// Writes `runs.parquet` and `curves.parquet`.
    ///
    /// # Errors
    /// [`TableError`]; a table that stood before still stands.
    pub fn write(&self, sweep: &SweepDir) -> Result<(), TableError> {
        write(&sweep.runs_table(), run_columns(&self.runs))?;
        write(&sweep.curves_table(), curve_columns(&self.curves))
    }
}

fn write(path: &Path, columns: Vec<Column>) -> Result<(), TableError> {
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

/// Makes one column of each expression over the rows.
macro_rules! columns {
    ($rows:expr, $row:ident: $($name:literal => $value:expr),* $(,)?) => {
        vec![$({
            let values: Vec<_> = $rows.iter().map(|$row| $value).collect();
            Column::new($name.into(), values)
        }),*]
    };
}

fn run_columns(rows: &[RunRow]) -> Vec<Column> {
    let mut columns = columns!(rows, r:
        "run_id" => r.run_id.as_str(),
        "arm" => r.arm.as_str(),
        "architecture" => r.architecture.as_str(),
        "size" => r.size.as_str(),
        "d_model" => r.shape.d_model,
        "layers" => r.shape.layers,
        "heads" => r.shape.heads,
        "d_head" => r.shape.d_head,
        "d_ff" => r.shape.d_ff,
        "params_total" => r.params_total,
        "params_without_embedding" => r.params_without_embedding,
        "budget_kind" => r.budget_kind,
        "budget" => r.budget,
        "flops_per_token" => r.flops_per_token,
        "flops_per_token_causal_half" => r.flops_per_token_causal_half,
        "flops" => r.flops,
        "flops_6nd" => r.flops_6nd,
        "tokens" => r.tokens,
        "steps" => r.steps,
        "batch_tokens" => r.batch_tokens,
        "sequence_length" => r.sequence_length,
        "learning_rate" => r.learning_rate,
        "lr_factor" => r.lr_factor,
        "seed" => r.seed,
        "status" => r.status.name(),
        "loss_val" => r.loss_val,
        "bits_per_byte" => r.bits_per_byte,
        "loss_train" => r.loss_train,
        "eval_tokens" => r.eval_tokens,
    );
    columns.extend(measured_columns(rows));
    columns
}

fn measured_columns(rows: &[RunRow]) -> Vec<Column> {
    fn number<T>(row: &RunRow, of: impl Fn(&Measured) -> T) -> Option<T> {
        row.measured.as_ref().map(of)
    }
    fn text(row: &RunRow, of: impl Fn(&Measured) -> &str) -> Option<&str> {
        row.measured.as_ref().map(of)
    }
    columns!(rows, r:
        "flops_spent" => number(r, |m| m.flops_spent),
        "trunk_steps" => number(r, |m| m.trunk_steps).flatten(),
        "split_for_memory" => number(r, |m| m.split_for_memory).flatten(),
        "wall_seconds" => number(r, |m| m.wall_seconds),
        "startup_seconds" => number(r, |m| m.startup_seconds),
        "train_seconds" => number(r, |m| m.seconds.train),
        "eval_seconds" => number(r, |m| m.seconds.eval),
        "checkpoint_seconds" => number(r, |m| m.seconds.checkpoint),
        "tokens_per_second" => number(r, |m| m.tokens_spent as f64 / m.seconds.train),
        "flop_per_second" => number(r, Measured::flops_per_second),
        "matrix_flop_per_second" => number(r, |m| m.matrix_flops_per_second),
        "mfu" => number(r, Measured::mfu),
        "loss_spikes" => number(r, |m| m.loss_spikes),
        "peak_memory_bytes" => number(r, |m| m.peak_memory_bytes),
        "device" => text(r, |m| &m.device),
        "threads" => number(r, |m| m.threads),
        "attempt" => number(r, |m| m.attempt),
        "resumed_from_step" => number(r, |m| m.resumed_from_step).flatten(),
        "hardware" => text(r, |m| &m.hardware),
        "host" => text(r, |m| &m.host),
        "git_revision" => text(r, |m| &m.git),
        "isoflop_version" => text(r, |m| &m.isoflop),
        "libtorch_version" => text(r, |m| &m.libtorch),
        "started_at" => number(r, |m| m.started_at),
    )
}

fn curve_columns(rows: &[CurveRow]) -> Vec<Column> {
    columns!(rows, r:
        "run_id" => r.run_id.as_str(),
        "arm" => r.arm.as_str(),
        "size" => r.size.as_str(),
        "budget" => r.budget,
        "seed" => r.seed,
        "step" => r.point.step,
        "tokens" => r.point.tokens,
        "flops" => r.point.flops,
        "loss_train" => r.point.loss_train,
        "loss_val" => r.point.loss_val,
        "bits_per_byte" => r.point.bits_per_byte,
        "learning_rate" => r.point.learning_rate,
        "grad_norm" => r.point.grad_norm,
        "update_norm" => r.point.update_norm,
        "train_seconds" => r.point.train_seconds,
    )
}
