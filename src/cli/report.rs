//! `isoflop report`

use super::args::ReportArgs;
use super::fit_tables::conclusions;
use super::{Exit, output};
use isoflop_app::{AppError, Report, report};

pub(super) fn main(args: &ReportArgs) -> Result<Exit, AppError> {
    let folders = &args.folders;
    print(&report(&args.sweep, &folders.results, &folders.reports)?);
    Ok(Exit::Ok)
}

/// The verdict, and where the report is.
pub(super) fn print(report: &Report) {
    conclusions(&report.fits);
    output::line(format!("report: {}", report.path.display()));
}
