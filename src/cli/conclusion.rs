//! How a drive ended, for people and for programs.

use std::time::Instant;

use super::args::Folders;
use super::go_on::Ready;
use super::report::conclude;
use super::{Exit, Failed, output};
use isoflop_core::units::duration;
use isoflop_dispatch::coordinator::Summary;
use isoflop_dispatch::store::{Failure, Record, RunState};
use isoflop_sweep::{Plan, PlannedRun};
use isoflop_table::{TableError, Tables};

/// Failed runs that are named.
const SHOWN: usize = 10;

/// Says how the sweep stands, writes the report where there is something to report, and decides on the exit code.
pub(super) fn conclude_run(
    sweep: &Ready,
    summary: &Summary,
    tables: Result<Tables, TableError>,
    json: bool,
    folders: &Folders,
    began: Instant,
) -> Result<Exit, Failed> {
    let plan = &sweep.plan;
    let total = plan.runs.len();
    let seconds = began.elapsed().as_secs_f64();
    output::note(format!(
        "{} of {total} runs are done, after {}",
        summary.done(),
        duration(seconds)
    ));
    if json {
        output::json_line(&ended(plan, summary, seconds))?;
    }
    if summary.interrupted {
        output::note(
            "stopped; run the same command again to go on: finished runs are kept, the others have checkpoints",
        );
        return Ok(Exit::Interrupted);
    }
    if summary.detached {
        let held = summary
            .records
            .iter()
            .filter(|record| record.state.lease().is_some())
            .count();
        let waiting = summary
            .records
            .iter()
            .filter(|record| !record.state.has_ended())
            .count()
            - held;
        output::note(format!(
            "the engine has {held} jobs, {waiting} runs wait; `isoflop resume {}` collects and gives it more",
            plan.name
        ));
        return Ok(Exit::Ok);
    }
    if let Some((run, failure)) = &summary.stopped_by {
        let run = described(&plan.runs[*run], &summary.records[*run], failure);
        let hint = "mend the cause, then run the same command again: finished runs are kept";
        return Err(Failed::new(
            Exit::RunsFailed,
            format!("the sweep stopped\n{run}"),
            hint,
        ));
    }
    if summary.done() > 0 {
        let concluded = conclude(&sweep.dir, plan, &tables?, folders)?;
        if json {
            output::json_line(
                &serde_json::json!({ "event": "report_written", "path": concluded.report }),
            )?;
        } else {
            concluded.print();
        }
    }
    let waiting = summary
        .records
        .iter()
        .filter(|record| matches!(record.state, RunState::Queued { .. }))
        .count();
    if waiting > 0 {
        output::note(format!(
            "{waiting} runs wait: run the same command again to go on"
        ));
    }
    let failed: Vec<_> = failed(plan, summary).collect();
    if failed.is_empty() {
        return Ok(Exit::Ok);
    }
    let hint = format!(
        "see `isoflop logs RUN`; mend the cause, then `isoflop retry --failed {}` and run the same command again: finished runs are kept",
        plan.name
    );
    Err(Failed::new(
        Exit::RunsFailed,
        format!(
            "{} of {total} runs failed\n{}",
            failed.len(),
            lines(&failed)
        ),
        hint,
    ))
}

fn failed<'a>(
    plan: &'a Plan,
    summary: &'a Summary,
) -> impl Iterator<Item = (&'a PlannedRun, &'a Record, &'a Failure)> {
    plan.runs
        .iter()
        .zip(&summary.records)
        .filter_map(|(run, record)| match &record.state {
            RunState::Failed { failure } | RunState::Quarantined { failure } => {
                Some((run, record, failure))
            }
            _ => None,
        })
}

/// One line a failed run, the first few.
fn lines(failed: &[(&PlannedRun, &Record, &Failure)]) -> String {
    let mut lines: Vec<String> = failed
        .iter()
        .take(SHOWN)
        .map(|(run, record, failure)| described(run, record, failure))
        .collect();
    if failed.len() > SHOWN {
        lines.push(format!("  ... and {} more", failed.len() - SHOWN));
    }
    lines.join("\n")
}

fn described(run: &PlannedRun, record: &Record, failure: &Failure) -> String {
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

fn ended(plan: &Plan, summary: &Summary, seconds: f64) -> serde_json::Value {
    let count = |name: &str| {
        summary
            .records
            .iter()
            .filter(|record| record.state.name() == name)
            .count()
    };
    let states: serde_json::Map<_, _> = RunState::NAMES
        .iter()
        .map(|name| ((*name).to_owned(), count(name).into()))
        .collect();
    serde_json::json!({
        "event": "sweep_ended", "sweep": plan.name, "runs": states, "interrupted": summary.interrupted, "detached": summary.detached, "seconds": seconds,
    })
}
