//! `isoflop cancel` and `isoflop retry`

use super::args::{CancelArgs, RetryArgs};
use super::terminal::Terminal;
use super::{Exit, output};
use isoflop_app::{AppError, RunSelection, ask_all, run_label};
use isoflop_dispatch::store::{RequestKind, RunEntry};

pub(super) fn cancel(args: &CancelArgs) -> Result<Exit, AppError> {
    let selection = RunSelection {
        runs: args.runs.clone(),
        sweep: args.sweep.clone(),
        failed: None,
        results: args.folders.results.clone(),
    };
    ask(RequestKind::Cancel, &selection)
}

pub(super) fn retry(args: &RetryArgs) -> Result<Exit, AppError> {
    let selection = RunSelection {
        runs: args.runs.clone(),
        sweep: args.sweep.clone(),
        failed: args.failed.clone(),
        results: args.folders.results.clone(),
    };
    ask(RequestKind::Retry, &selection)
}

fn ask(kind: RequestKind, selection: &RunSelection) -> Result<Exit, AppError> {
    let mut answered = |run: &RunEntry, answer: &str| {
        output::line(format!("{}: {answer}", run_label(run)));
    };
    ask_all(kind, selection, &mut answered, &mut Terminal::new())?;
    Ok(Exit::Ok)
}
