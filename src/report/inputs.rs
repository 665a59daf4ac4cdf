//! Inputs of a report.

use isoflop_fit::StudyFits;
use isoflop_table::{CurveRow, RunRow};

/// Inputs of a report.
#[derive(Clone, Copy, Debug)]
pub struct ReportInputs<'a> {
    /// Name of the sweep.
    pub sweep: &'a str,
    /// Fits of its runs.
    pub fits: &'a StudyFits,
    /// Its runs.
    pub runs: &'a [RunRow],
    /// Their training curves.
    pub curves: &'a [CurveRow],
    /// Command that reproduces the report.
    pub command: &'a str,
}
