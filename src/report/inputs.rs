//! Inputs of a report.

use isoflop_fit::Fits;
use isoflop_table::{CurveRow, RunRow};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Name of the sweep.
    pub sweep: &'a str,
    /// The fits of its runs.
    pub fits: &'a Fits,
    /// Its runs.
    pub runs: &'a [RunRow],
    /// Their training curves.
    pub curves: &'a [CurveRow],
    /// The command that makes the report again.
    pub command: &'a str,
}
