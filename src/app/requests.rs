//! What is asked of runs while their coordinator drives them: to give them up, or to queue them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::runs::{Found, find_run};
use super::sweep::{named, recorded};
use super::{AppError, Listener};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{LockError, SweepLock, carry_out};
use isoflop_dispatch::store::{Reader, RequestKind, RunEntry};

/// Longest wait for a coordinator to answer: a run that is cancelled has first to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which runs are meant.
#[derive(Clone, Debug, Default)]
pub struct RunSelection {
    /// Runs, by the beginnings of their identities.
    pub runs: Vec<String>,
    /// The sweep that they are looked for in; by itself all.
    pub sweep: Option<String>,
    /// A sweep whose runs that failed or are quarantined are meant too.
    pub failed: Option<String>,
    /// Folder of results.
    pub results: PathBuf,
}

/// Takes what became of a request for a run.
pub type Answered<'a> = &'a mut dyn FnMut(&RunEntry, &str);

/// Gives runs up, running or not, or queues runs again that failed or were cancelled. `answered` hears of each as it is
/// answered.
///
/// # Errors
/// [`AppError`] where a run is not found, or its store cannot be used.
pub fn ask_all(
    kind: RequestKind,
    selection: &RunSelection,
    answered: Answered<'_>,
    listener: &mut dyn Listener,
) -> Result<(), AppError> {
    let runs = selected(selection)?;
    if runs.is_empty() {
        listener.note("no run has failed: nothing is queued");
    }
    let mut by_sweep: BTreeMap<String, (SweepDir, Vec<RunEntry>)> = BTreeMap::new();
    for Found { dir, sweep, run } in runs {
        by_sweep
            .entry(sweep)
            .or_insert_with(|| (dir, Vec::new()))
            .1
            .push(run);
    }
    for (sweep, (dir, runs)) in by_sweep {
        let is_alone = ask(
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
                "{queued} queued; `isoflop resume {sweep}` goes on"
            ));
        }
    }
    Ok(())
}

/// Asks the coordinator that runs the sweep; without one, does it. Returns whether there was none.
fn ask(
    kind: RequestKind,
    sweep: &str,
    dir: &SweepDir,
    runs: &[RunEntry],
    (results, answered): (&Path, Answered<'_>),
) -> Result<bool, AppError> {
    let Some(mut reader) = Reader::open(dir)? else {
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
                    "asked to end; its engine has it, and `isoflop resume {sweep}` sees it end"
                );
            }
            if began.elapsed() > PATIENCE {
                break "asked for; the coordinator has not answered yet".to_owned();
            }
            // Every time: a coordinator that was about to end does not see the request.
            is_alone = carry_out_alone(sweep, dir, results)?;
            if !is_alone {
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        answered(run, &answer);
    }
    Ok(is_alone)
}

/// Carries out what was asked for where no coordinator runs the sweep; says whether none does.
fn carry_out_alone(sweep: &str, dir: &SweepDir, results: &Path) -> Result<bool, AppError> {
    match SweepLock::take(dir) {
        Ok(_lock) => {
            let (_, plan) = recorded(sweep, results)?;
            carry_out(dir, &plan)?;
            Ok(true)
        }
        Err(LockError::Held { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn selected(selection: &RunSelection) -> Result<Vec<Found>, AppError> {
    let (sweep, results) = (selection.sweep.as_deref(), &selection.results);
    let find = |prefix: &String| find_run(prefix, sweep, results);
    let mut runs: Vec<Found> = selection.runs.iter().map(find).collect::<Result<_, _>>()?;
    if let Some(sweep) = &selection.failed {
        let name = named(sweep)?;
        let dir = SweepDir::new(results, &name);
        let Some(reader) = Reader::open(&dir)? else {
            let hint = "start it with `isoflop run`, or name its folder with `--results`";
            return Err(AppError::usage(
                format!("the sweep `{name}` has no results yet"),
                hint,
            ));
        };
        let failed = reader.in_states(&["failed", "quarantined"], usize::MAX)?;
        runs.extend(failed.into_iter().map(|run| Found {
            dir: dir.clone(),
            sweep: name.clone(),
            run,
        }));
    }
    Ok(runs)
}
