//! `isoflop cancel` and `isoflop retry`

use super::args::{CancelArgs, RetryArgs};
use super::common_args::SweepFilter;
use super::terminal::Terminal;
use super::{ExitReason, output};
use isoflop_app::{AppError, RunSelection, run_label, send_requests};
use isoflop_dispatch::store::{RequestKind, RunEntry};

pub(super) fn cancel(args: &CancelArgs) -> Result<ExitReason, AppError> {
    ask(RequestKind::Cancel, &args.runs, None, &args.among)
}

pub(super) fn retry(args: &RetryArgs) -> Result<ExitReason, AppError> {
    let failed = args.failed.clone();
    ask(RequestKind::Retry, &args.runs, failed, &args.among)
}

fn ask(
    kind: RequestKind,
    runs: &[String],
    failed: Option<String>,
    among: &SweepFilter,
) -> Result<ExitReason, AppError> {
    let selection = RunSelection {
        runs: runs.to_vec(),
        sweep: among.sweep.clone(),
        failed,
        results: among.folders.results.clone(),
    };
    let mut answered = |run: &RunEntry, answer: &str| {
        output::paragraph(format!("{}: {answer}", run_label(run)));
    };
    send_requests(kind, &selection, &mut answered, &mut Terminal::new())?;
    Ok(ExitReason::Ok)
}
