//! `isoflop report`

use super::args::ReportArgs;
use super::fit_tables::conclusions;
use super::{ExitReason, output};
use isoflop_app::{AppError, ReportFiles, report};

pub(super) fn main(args: &ReportArgs) -> Result<ExitReason, AppError> {
    let folders = &args.folders;
    print(&report(&args.sweep, &folders.results, &folders.reports)?);
    Ok(ExitReason::Ok)
}

/// Prints the conclusions, and the path of the report.
pub(super) fn print(report: &ReportFiles) {
    conclusions(&report.fits);
    output::line(format!("report: {}", report.path.display()));
}
