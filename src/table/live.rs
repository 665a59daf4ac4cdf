//! Tables that are brought up to date while runs end.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use isoflop_core::run::{EventKind, Outcome, RunId, SweepDir, read_events};
use isoflop_sweep::{Plan, PlannedRun};

use super::parquet::{TableError, write};
use super::{CurveRow, RunRow, RunStatus, Tables};

/// Least time between two writings.
const EVERY: Duration = Duration::from_secs(5);

/// Least time between two writings, as a multiple of what the last one took: a table is written whole, and however long it
/// is, that must not become what a sweep does.
const REST: u32 = 20;

/// Reads every committed outcome of the plan's runs, and its curve.
pub fn collect(sweep: &SweepDir, plan: &Plan) -> Tables {
    LiveRows::read(sweep, plan).into_tables()
}

/// Keeps the tables of a sweep in step with the outcomes that are sent here, until all senders are gone. What was committed
/// before is read once. A table that cannot be written meanwhile is written at the end.
///
/// # Errors
/// [`TableError`] if the tables cannot be written at the end; those that stood before still stand.
pub fn follow(
    sweep: &SweepDir,
    plan: &Plan,
    ended: &Receiver<(RunId, Outcome)>,
) -> Result<Tables, TableError> {
    follow_every(sweep, plan, ended, EVERY)
}

pub(super) fn follow_every(
    sweep: &SweepDir,
    plan: &Plan,
    ended: &Receiver<(RunId, Outcome)>,
    every: Duration,
) -> Result<Tables, TableError> {
    let mut rows = LiveRows::read(sweep, plan);
    let mut is_stale = rows.any_outcome();
    let mut due = Instant::now() + every;
    loop {
        if is_stale && Instant::now() >= due {
            let began = Instant::now();
            is_stale = rows.write().is_err();
            due = Instant::now() + every.max(began.elapsed() * REST);
        }
        let received = if is_stale {
            ended.recv_timeout(due.saturating_duration_since(Instant::now()))
        } else {
            ended.recv().map_err(RecvTimeoutError::from)
        };
        match received {
            Ok((run, outcome)) => {
                rows.update(&run, &outcome);
                is_stale = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if is_stale {
        rows.write()?;
    }
    Ok(rows.into_tables())
}

/// The rows of both tables, by the place of their run in the plan.
pub(super) struct LiveRows<'a> {
    sweep: &'a SweepDir,
    plan: &'a Plan,
    places: HashMap<&'a RunId, usize>,
    runs: Vec<RunRow>,
    curves: Vec<Vec<CurveRow>>,
}

impl<'a> LiveRows<'a> {
    /// Reads every committed outcome of the plan's runs, and its curve.
    pub(super) fn read(sweep: &'a SweepDir, plan: &'a Plan) -> Self {
        let places = plan.runs.iter().enumerate();
        let mut rows = Self {
            sweep,
            plan,
            places: places.map(|(place, run)| (&run.id, place)).collect(),
            runs: Vec::with_capacity(plan.runs.len()),
            curves: Vec::with_capacity(plan.runs.len()),
        };
        for run in &plan.runs {
            let outcome = Outcome::committed(&sweep.run(&run.id), &run.id, &run.spec).ok();
            rows.runs.push(RunRow::new(run, outcome.as_ref()));
            let points = outcome.map(|outcome| curve(sweep, run, &outcome));
            rows.curves.push(points.unwrap_or_default());
        }
        rows
    }

    /// Makes the rows of a run again; those of a run that the plan does not have are none.
    fn update(&mut self, run: &RunId, outcome: &Outcome) {
        let Some(place) = self.places.get(run).copied() else {
            return;
        };
        let run = &self.plan.runs[place];
        self.runs[place] = RunRow::new(run, Some(outcome));
        self.curves[place] = curve(self.sweep, run, outcome);
    }

    fn any_outcome(&self) -> bool {
        self.runs.iter().any(|run| run.status != RunStatus::Missing)
    }

    fn write(&self) -> Result<(), TableError> {
        write(&self.sweep.runs_table(), self.runs.iter())?;
        write(&self.sweep.curves_table(), self.curves.iter().flatten())
    }

    pub(super) fn into_tables(self) -> Tables {
        Tables {
            runs: self.runs,
            curves: self.curves.into_iter().flatten().collect(),
        }
    }
}

/// The metrics' digest was checked with the outcome, so they read.
fn curve(sweep: &SweepDir, run: &PlannedRun, outcome: &Outcome) -> Vec<CurveRow> {
    let attempt = sweep.run(&run.id).attempt(outcome.attempt);
    let events = read_events(&attempt.metrics()).unwrap_or_default();
    events
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Evaluated(point) => Some(CurveRow::new(run, &point)),
            EventKind::Started { .. } | EventKind::Heartbeat { .. } => None,
        })
        .collect()
}
