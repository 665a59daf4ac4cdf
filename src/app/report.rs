//! Tables, fits and report of a sweep.

use std::path::{Path, PathBuf};

use super::AppError;
use super::fit::fit_and_write;
use super::sweep::recorded_plan;
use isoflop_core::run::SweepDir;
use isoflop_fit::{FitSettings, StudyFits};
use isoflop_report::{ReportInputs, write};
use isoflop_sweep::Plan;
use isoflop_table::{SweepTables, collect};

/// A written report.
#[derive(Clone, Debug)]
pub struct ReportFiles {
    /// Path of the report.
    pub path: PathBuf,
    /// Fits that it shows.
    pub fits: StudyFits,
}

/// Writes the tables, the fits and the report of a sweep's results. `results` and `reports` are
/// folders of all sweeps.
///
/// # Errors
/// [`AppError`] if there are no results, or a file cannot be written.
pub fn report(sweep: &str, results: &Path, reports: &Path) -> Result<ReportFiles, AppError> {
    let (dir, plan) = recorded_plan(sweep, results)?;
    let tables = collect(&dir, &plan);
    tables.write(&dir)?;
    report_of(&dir, &plan, &tables, reports)
}

/// Fits the runs of the tables, and writes the report.
pub(crate) fn report_of(
    dir: &SweepDir,
    plan: &Plan,
    tables: &SweepTables,
    reports: &Path,
) -> Result<ReportFiles, AppError> {
    let fits = fit_and_write(dir, &tables.study(), &FitSettings::new(&plan.baseline))?;
    let command = format!("isoflop report {}", plan.name);
    let inputs = ReportInputs {
        sweep: &plan.name,
        fits: &fits,
        runs: &tables.runs,
        curves: &tables.curves,
        command: &command,
    };
    let path = write(&reports.join(&plan.name), &inputs)?;
    Ok(ReportFiles { path, fits })
}
