//! `isoflop report`

use std::path::PathBuf;

use super::args::{Folders, ReportArgs};
use super::fit::fitted;
use super::fit_tables::conclusions;
use super::study_args::REPLICATES;
use super::sweep::recorded;
use super::{Exit, Failed, output};
use isoflop_core::run::SweepDir;
use isoflop_fit::{Fits, Settings};
use isoflop_report::{Inputs, write};
use isoflop_sweep::Plan;
use isoflop_table::{Tables, collect};

pub(super) fn main(args: &ReportArgs) -> Result<Exit, Failed> {
    let (dir, plan) = recorded(&args.sweep, &args.folders)?;
    let tables = collect(&dir, &plan);
    tables.write(&dir)?;
    conclude(&dir, &plan, &tables, &args.folders)?.print();
    Ok(Exit::Ok)
}

/// What was made of a sweep's results.
pub(super) struct Concluded {
    pub(super) report: PathBuf,
    fits: Fits,
}

impl Concluded {
    /// The verdict, and where the report is.
    pub(super) fn print(&self) {
        conclusions(&self.fits);
        output::line(format!("report: {}", self.report.display()));
    }
}

/// Fits and report of what the tables hold.
pub(super) fn conclude(
    dir: &SweepDir,
    plan: &Plan,
    tables: &Tables,
    folders: &Folders,
) -> Result<Concluded, Failed> {
    let settings = Settings {
        replicates: REPLICATES,
        ..Settings::new(&plan.baseline)
    };
    let fits = fitted(dir, tables, &settings)?;
    let command = format!("isoflop report {}", plan.name);
    let inputs = Inputs {
        sweep: &plan.name,
        fits: &fits,
        runs: &tables.runs,
        curves: &tables.curves,
        command: &command,
    };
    let report = write(&folders.reports.join(&plan.name), &inputs)?;
    Ok(Concluded { report, fits })
}
