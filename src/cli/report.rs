//! `isoflop report`

use std::path::PathBuf;

use super::args::{Folders, REPLICATES, ReportArgs};
use super::fit::{conclusions, fitted};
use super::sweep::recorded;
use super::{Exit, Failed, output};
use crate::fit::Settings;
use crate::report::{Inputs, write};
use crate::run::SweepDir;
use crate::sweep::Plan;
use crate::table::collect;

pub(super) fn main(args: &ReportArgs) -> Result<Exit, Failed> {
    let (dir, plan) = recorded(&args.sweep, &args.folders)?;
    let path = conclude(&dir, &plan, &args.folders)?;
    output::line(format!("report: {}", path.display()));
    Ok(Exit::Ok)
}

/// Tables, fits and report of what is there; prints the verdict, returns the report's path.
pub(super) fn conclude(dir: &SweepDir, plan: &Plan, folders: &Folders) -> Result<PathBuf, Failed> {
    let tables = collect(dir, plan);
    tables.write(dir)?;
    let settings = Settings { baseline: plan.baseline.clone(), replicates: REPLICATES, seed: 0, extrapolate: false };
    let fits = fitted(dir, &tables, &settings)?;
    let command = format!("isoflop report {}", plan.name);
    let inputs =
        Inputs { sweep: &plan.name, fits: &fits, runs: &tables.runs, curves: &tables.curves, command: &command };
    let path = write(&folders.reports.join(&plan.name), &inputs)?;
    conclusions(&fits);
    Ok(path)
}
