//! The end of a drive over a sweep.

use std::path::Path;

use super::report::report_of;
use super::{AppError, ErrorKind, ReportFiles};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{DriveSummary, SweepLock};
use isoflop_dispatch::store::{AttemptFailure, RunRecord, RunState};
use isoflop_sweep::{Plan, PlannedRun};
use isoflop_table::SweepTables;

/// Most failed runs that a message names.
const SHOWN: usize = 10;

/// The end of a drive. The sweep stays locked until this value is dropped.
#[derive(Debug)]
pub struct SessionEnd {
    /// The sweep's runs.
    pub plan: Plan,
    /// States of the runs, and why the drive ended.
    pub summary: DriveSummary,
    /// Seconds since the session began.
    pub seconds: f64,
    pub(crate) dir: SweepDir,
    pub(crate) tables: Result<SweepTables, AppError>,
    pub(crate) _lock: SweepLock,
}

impl SessionEnd {
    /// Number of runs whose state matches.
    pub fn count(&self, is_one: impl Fn(&RunState) -> bool) -> usize {
        let records = self.summary.records.iter();
        records.filter(|record| is_one(&record.state)).count()
    }

    /// Writes the report. `None` if no run is done.
    ///
    /// # Errors
    /// [`AppError`] if a file cannot be written.
    pub fn report(&self, reports: &Path) -> Result<Option<ReportFiles>, AppError> {
        if self.summary.done() == 0 {
            return Ok(None);
        }
        let tables = self.tables.as_ref().map_err(AppError::clone)?;
        report_of(&self.dir, &self.plan, tables, reports).map(Some)
    }

    /// The reason that the sweep was stopped, if a run could not write its files.
    pub fn stopped(&self) -> Option<AppError> {
        let (run, failure) = self.summary.stopped_by.as_ref()?;
        let run = described(&self.plan.runs[*run], &self.summary.records[*run], failure);
        Some(AppError::new(
            ErrorKind::RunsFailed,
            format!("the sweep stopped\n{run}"),
            "fix the cause, then run the same command again; finished runs are kept",
        ))
    }

    /// The error that names the failed runs, if there are any.
    pub fn failed(&self) -> Option<AppError> {
        let runs = self.plan.runs.iter().zip(&self.summary.records);
        let failed: Vec<_> = runs
            .filter_map(|(run, record)| match &record.state {
                RunState::Failed { failure } | RunState::Quarantined { failure } => {
                    Some((run, record, failure))
                }
                _ => None,
            })
            .collect();
        let hint = format!(
            "see `isoflop logs RUN`, fix the cause, then run `isoflop retry --failed {}` and the same command again; finished runs are kept",
            self.plan.name
        );
        let (count, total) = (failed.len(), self.plan.runs.len());
        let message = format!("{count} of {total} runs failed\n{}", lines(&failed));
        (count > 0).then(|| AppError::new(ErrorKind::RunsFailed, message, hint))
    }
}

/// One line for each of the first failed runs.
fn lines(failed: &[(&PlannedRun, &RunRecord, &AttemptFailure)]) -> String {
    let first = failed.iter().take(SHOWN);
    let lines = first.map(|(run, record, failure)| described(run, record, failure));
    let more = failed.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("  ... and {more} more"));
    lines.chain(more).collect::<Vec<_>>().join("\n")
}

fn described(run: &PlannedRun, record: &RunRecord, failure: &AttemptFailure) -> String {
    let attempts = if record.attempts == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{} attempts", record.attempts)
    };
    format!(
        "  {} ({}), {attempts}: {}",
        run.label(),
        run.id,
        failure.message
    )
}
