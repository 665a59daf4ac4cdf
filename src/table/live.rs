//! Tables of a sweep, updated while its runs end.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use isoflop_core::run::{EventKind, Outcome, RunId, SweepDir, read_events};
use isoflop_sweep::{Plan, PlannedRun};

use super::parquet::{TableError, write};
use super::{CurveRow, RunRow, RunStatus, SweepTables};

/// Shortest time between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);

/// Shortest time between two writes, as a multiple of the duration of the last one. Each write
/// replaces the whole table; without this limit, a large sweep would spend its time on writes.
const REST_FACTOR: u32 = 20;

/// Reads the committed outcomes and curves of the plan's runs.
pub fn collect(sweep: &SweepDir, plan: &Plan) -> SweepTables {
    LiveRows::read(sweep, plan).into_tables()
}

/// Updates the tables of a sweep with each outcome from the channel, until all senders are dropped.
/// Outcomes that were committed before are read once. A failed write is repeated later, at the
/// latest at the end.
///
/// # Errors
/// [`TableError`] if the tables cannot be written at the end. Earlier tables remain.
pub fn follow(
    sweep: &SweepDir,
    plan: &Plan,
    ended: &Receiver<(RunId, Outcome)>,
) -> Result<SweepTables, TableError> {
    follow_every(sweep, plan, ended, WRITE_INTERVAL)
}

pub(super) fn follow_every(
    sweep: &SweepDir,
    plan: &Plan,
    ended: &Receiver<(RunId, Outcome)>,
    every: Duration,
) -> Result<SweepTables, TableError> {
    let mut rows = LiveRows::read(sweep, plan);
    let mut is_stale = rows.any_outcome();
    let mut due = Instant::now() + every;
    loop {
        if is_stale && Instant::now() >= due {
            let began = Instant::now();
            is_stale = rows.write().is_err();
            due = Instant::now() + every.max(began.elapsed() * REST_FACTOR);
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

/// Rows of both tables, in the order of the plan.
pub(super) struct LiveRows<'a> {
    sweep: &'a SweepDir,
    plan: &'a Plan,
    positions: HashMap<&'a RunId, usize>,
    runs: Vec<RunRow>,
    curves: Vec<Vec<CurveRow>>,
}

impl<'a> LiveRows<'a> {
    /// Reads the committed outcomes and curves of the plan's runs.
    pub(super) fn read(sweep: &'a SweepDir, plan: &'a Plan) -> Self {
        let places = plan.runs.iter().enumerate();
        let mut rows = Self {
            sweep,
            plan,
            positions: places.map(|(place, run)| (&run.id, place)).collect(),
            runs: Vec::with_capacity(plan.runs.len()),
            curves: Vec::with_capacity(plan.runs.len()),
        };
        for run in &plan.runs {
            let outcome = Outcome::read_committed(&sweep.run(&run.id), &run.id, &run.spec).ok();
            rows.runs.push(RunRow::new(run, outcome.as_ref()));
            let points = outcome.map(|outcome| curve(sweep, run, &outcome));
            rows.curves.push(points.unwrap_or_default());
        }
        rows
    }

    /// Replaces the rows of a run. Ignores a run that is not in the plan.
    fn update(&mut self, run: &RunId, outcome: &Outcome) {
        let Some(place) = self.positions.get(run).copied() else {
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

    pub(super) fn into_tables(self) -> SweepTables {
        SweepTables {
            runs: self.runs,
            curves: self.curves.into_iter().flatten().collect(),
        }
    }
}

/// Reads the curve of a run. The digest of the metrics was checked with the outcome, so the file is
/// readable.
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
