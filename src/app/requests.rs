//! Requests to cancel runs, or to queue them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::runs::{RunLocation, find_run};
use super::sweep::{no_results, recorded_plan, sweep_name};
use super::{AppError, Listener};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{LockError, SweepLock, carry_out};
use isoflop_dispatch::store::{RequestKind, RunEntry, StoreReader};

/// Longest wait for a coordinator's answer. A cancelled run must stop first.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs that a command names.
#[derive(Clone, Debug, Default)]
pub struct RunSelection {
    /// Beginnings of the runs' identities.
    pub runs: Vec<String>,
    /// Sweep to search; all sweeps if `None`.
    pub sweep: Option<String>,
    /// Sweep whose failed and quarantined runs are selected too.
    pub failed: Option<String>,
    /// Folder of results.
    pub results: PathBuf,
}

/// Receives the answer to a request for a run.
pub type AnswerListener<'a> = &'a mut dyn FnMut(&RunEntry, &str);

/// Cancels runs, running or not, or queues failed and cancelled runs again. `answered` receives
/// each answer as it arrives.
///
/// # Errors
/// [`AppError`] if a run is not found, or its store cannot be used.
pub fn send_requests(
    kind: RequestKind,
    selection: &RunSelection,
    answered: AnswerListener<'_>,
    listener: &mut dyn Listener,
) -> Result<(), AppError> {
    let runs = selected_runs(selection)?;
    if runs.is_empty() {
        listener.note("no failed runs, so no run is queued again");
    }
    let mut by_sweep: BTreeMap<String, (SweepDir, Vec<RunEntry>)> = BTreeMap::new();
    for RunLocation { dir, sweep, run } in runs {
        by_sweep
            .entry(sweep)
            .or_insert_with(|| (dir, Vec::new()))
            .1
            .push(run);
    }
    for (sweep, (dir, runs)) in by_sweep {
        let is_alone = send_sweep_requests(
            kind,
            &sweep,
            &dir,
            &runs,
            (&selection.results, &mut *answered),
        )?;
        if kind == RequestKind::Retry && is_alone {
            let queued = match runs.len() {
                1 => "1 run is".to_owned(),
                count => format!("{count} runs are"),
            };
            listener.note(&format!(
                "{queued} queued; `isoflop resume {sweep}` continues"
            ));
        }
    }
    Ok(())
}

/// Sends requests to the sweep's coordinator, or carries them out if no coordinator runs. Returns
/// true in the second case.
fn send_sweep_requests(
    kind: RequestKind,
    sweep: &str,
    dir: &SweepDir,
    runs: &[RunEntry],
    (results, answered): (&Path, AnswerListener<'_>),
) -> Result<bool, AppError> {
    let Some(mut reader) = StoreReader::open(dir)? else {
        return Ok(false);
    };
    let ids: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
    let requests = reader.ask(kind, &ids)?;
    let began = Instant::now();
    let mut is_alone = false;
    for (run, request) in runs.iter().zip(requests) {
        let answer = loop {
            if let Some(answer) = reader.answer(request)? {
                break answer;
            }
            if is_alone {
                break format!(
                    "asked to stop; its engine still has the job, and `isoflop resume {sweep}` follows it to its end"
                );
            }
            if began.elapsed() > PATIENCE {
                break "requested; the coordinator has not answered yet".to_owned();
            }
            // Try again each time. A coordinator that was about to exit does not see the request.
            is_alone = apply_without_coordinator(sweep, dir, results)?;
            if !is_alone {
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        answered(run, &answer);
    }
    Ok(is_alone)
}

/// Carries out the requests if no coordinator runs the sweep. Returns true if none does.
fn apply_without_coordinator(
    sweep: &str,
    dir: &SweepDir,
    results: &Path,
) -> Result<bool, AppError> {
    match SweepLock::take(dir) {
        Ok(_lock) => {
            let (_, plan) = recorded_plan(sweep, results)?;
            carry_out(dir, &plan)?;
            Ok(true)
        }
        Err(LockError::Held { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn selected_runs(selection: &RunSelection) -> Result<Vec<RunLocation>, AppError> {
    let (sweep, results) = (selection.sweep.as_deref(), &selection.results);
    let find = |prefix: &String| find_run(prefix, sweep, results);
    let mut runs: Vec<RunLocation> = selection.runs.iter().map(find).collect::<Result<_, _>>()?;
    if let Some(sweep) = &selection.failed {
        let name = sweep_name(sweep)?;
        let dir = SweepDir::new(results, &name);
        let Some(reader) = StoreReader::open(&dir)? else {
            return Err(no_results(&name, results));
        };
        let failed = reader.in_states(&["failed", "quarantined"], usize::MAX)?;
        runs.extend(failed.into_iter().map(|run| RunLocation {
            dir: dir.clone(),
            sweep: name.clone(),
            run,
        }));
    }
    Ok(runs)
}
