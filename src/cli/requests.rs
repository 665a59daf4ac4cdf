//! `isoflop cancel` and `isoflop retry`

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::args::{CancelArgs, Folders, RetryArgs};
use super::runs::{Found, find, label};
use super::sweep::{named, recorded};
use super::{Exit, Failed, output};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{LockError, SweepLock, carry_out};
use isoflop_dispatch::store::{Reader, RequestKind, RunEntry};

/// Longest wait for a coordinator to answer: a run that is cancelled has first to stop.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn cancel(args: &CancelArgs) -> Result<Exit, Failed> {
    let runs = all(&args.runs, args.sweep.as_deref(), &args.folders)?;
    ask_all(RequestKind::Cancel, runs, &args.folders)
}

pub(super) fn retry(args: &RetryArgs) -> Result<Exit, Failed> {
    let mut runs = all(&args.runs, args.sweep.as_deref(), &args.folders)?;
    if let Some(sweep) = &args.failed {
        let name = named(sweep)?;
        let dir = SweepDir::new(&args.folders.results, &name);
        let Some(reader) = Reader::open(&dir)? else {
            let hint = "start it with `isoflop run`, or name its folder with `--results`";
            return Err(Failed::new(
                Exit::Usage,
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
    if runs.is_empty() {
        output::note("no run has failed: nothing is queued");
        return Ok(Exit::Ok);
    }
    ask_all(RequestKind::Retry, runs, &args.folders)
}

fn all(prefixes: &[String], sweep: Option<&str>, folders: &Folders) -> Result<Vec<Found>, Failed> {
    prefixes
        .iter()
        .map(|prefix| find(prefix, sweep, folders))
        .collect()
}

fn ask_all(kind: RequestKind, runs: Vec<Found>, folders: &Folders) -> Result<Exit, Failed> {
    let mut by_sweep: BTreeMap<String, (SweepDir, Vec<RunEntry>)> = BTreeMap::new();
    for Found { dir, sweep, run } in runs {
        by_sweep
            .entry(sweep)
            .or_insert_with(|| (dir, Vec::new()))
            .1
            .push(run);
    }
    for (sweep, (dir, runs)) in by_sweep {
        ask(kind, &sweep, &dir, &runs, folders)?;
    }
    Ok(Exit::Ok)
}

/// Asks the coordinator that runs the sweep; without one, does it.
fn ask(
    kind: RequestKind,
    sweep: &str,
    dir: &SweepDir,
    runs: &[RunEntry],
    folders: &Folders,
) -> Result<(), Failed> {
    let Some(mut reader) = Reader::open(dir)? else {
        return Ok(());
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
            is_alone = carry_out_alone(sweep, dir, folders)?;
            if !is_alone {
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        output::line(format!("{}: {answer}", label(run)));
    }
    if kind == RequestKind::Retry && is_alone {
        output::note(format!(
            "{} queued; `isoflop resume {sweep}` goes on",
            if runs.len() == 1 {
                "1 run is".to_owned()
            } else {
                format!("{} runs are", runs.len())
            }
        ));
    }
    Ok(())
}

/// Carries out what was asked for where no coordinator runs the sweep; says whether none does.
fn carry_out_alone(sweep: &str, dir: &SweepDir, folders: &Folders) -> Result<bool, Failed> {
    match SweepLock::take(dir) {
        Ok(_lock) => {
            let (_, plan) = recorded(sweep, folders)?;
            carry_out(dir, &plan)?;
            Ok(true)
        }
        Err(LockError::Held { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
