//! Tables, fits and report of a sweep.

use std::path::{Path, PathBuf};

use super::AppError;
use super::fit::fitted;
use super::sweep::recorded;
use isoflop_core::run::SweepDir;
use isoflop_fit::{Fits, Settings};
use isoflop_report::{Inputs, write};
use isoflop_sweep::Plan;
use isoflop_table::{Tables, collect};

/// A report that was written.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its file.
    pub path: PathBuf,
    /// The fits that it shows.
    pub fits: Fits,
}

/// Writes the tables, the fits and the report of a sweep's results. `results` and `reports` are folders of all sweeps.
///
/// # Errors
/// [`AppError`] where there are no results, or something cannot be written.
pub fn report(sweep: &str, results: &Path, reports: &Path) -> Result<Report, AppError> {
    let (dir, plan) = recorded(sweep, results)?;
    let tables = collect(&dir, &plan);
    tables.write(&dir)?;
    report_of(&dir, &plan, &tables, reports)
}

/// Fits and report of what the tables hold.
pub(crate) fn report_of(
    dir: &SweepDir,
    plan: &Plan,
    tables: &Tables,
    reports: &Path,
) -> Result<Report, AppError> {
    let fits = fitted(dir, &tables.study(), &Settings::new(&plan.baseline))?;
    let command = format!("isoflop report {}", plan.name);
    let inputs = Inputs {
        sweep: &plan.name,
        fits: &fits,
        runs: &tables.runs,
        curves: &tables.curves,
        command: &command,
    };
    let path = write(&reports.join(&plan.name), &inputs)?;
    Ok(Report { path, fits })
}
