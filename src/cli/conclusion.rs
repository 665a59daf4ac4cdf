//! The end of a drive, as text and as JSON.

use std::path::Path;

use super::{ExitReason, output, report};
use isoflop_app::{AppError, SessionEnd};
use isoflop_core::units::duration;
use isoflop_dispatch::store::RunState;

/// Prints the state of the sweep, writes the report if a run is done, and returns the exit code.
pub(super) fn conclude(
    end: &SessionEnd,
    json: bool,
    reports: &Path,
) -> Result<ExitReason, AppError> {
    let (done, all, time) = (
        end.summary.done(),
        end.plan.runs.len(),
        duration(end.seconds),
    );
    output::note(format!("{done} of {all} runs are done, after {time}"));
    if json {
        output::json_line(&ended_event(end))?;
    }
    if end.summary.interrupted {
        output::note(
            "stopped; run the same command again to continue (finished runs are kept, the others have checkpoints)",
        );
        return Ok(ExitReason::Interrupted);
    }
    if end.summary.detached {
        print_detached(end);
        return Ok(ExitReason::Ok);
    }
    if let Some(error) = end.stopped() {
        return Err(error);
    }
    if let Some(written) = end.report(reports)? {
        if json {
            output::json_line(
                &serde_json::json!({ "event": "report_written", "path": written.path }),
            )?;
        } else {
            report::print(&written);
        }
    }
    let waiting = end.count(|state| matches!(state, RunState::Queued { .. }));
    if waiting > 0 {
        output::note(format!(
            "{waiting} runs are queued; run the same command again to continue"
        ));
    }
    end.failed().map_or(Ok(ExitReason::Ok), Err)
}

fn print_detached(end: &SessionEnd) {
    let held = end.count(|state| state.lease().is_some());
    let waiting = end.count(|state| !state.has_ended()) - held;
    output::note(format!(
        "the engine has {held} jobs, {waiting} runs are queued; `isoflop resume {}` collects outcomes and submits more",
        end.plan.name
    ));
}

fn ended_event(end: &SessionEnd) -> serde_json::Value {
    let (plan, summary, seconds) = (&end.plan, &end.summary, end.seconds);
    let count = |name: &str| end.count(|state| state.name() == name);
    let states: serde_json::Map<_, _> = RunState::NAMES
        .iter()
        .map(|name| ((*name).to_owned(), count(name).into()))
        .collect();
    serde_json::json!({
        "event": "sweep_ended", "sweep": plan.name, "runs": states, "interrupted": summary.interrupted, "detached": summary.detached, "seconds": seconds,
    })
}
