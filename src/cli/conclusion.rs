//! How a drive ended, for people and for programs.

use std::path::Path;

use super::{Exit, output, report};
use isoflop_app::{AppError, SessionEnd};
use isoflop_core::units::duration;
use isoflop_dispatch::store::RunState;

/// Says how the sweep stands, writes the report where there is something to report, and decides on the exit code.
pub(super) fn conclude(end: &SessionEnd, json: bool, reports: &Path) -> Result<Exit, AppError> {
    let (done, all, time) = (
        end.summary.done(),
        end.plan.runs.len(),
        duration(end.seconds),
    );
    output::note(format!("{done} of {all} runs are done, after {time}"));
    if json {
        output::json_line(&ended(end))?;
    }
    if end.summary.interrupted {
        output::note(
            "stopped; run the same command again to go on: finished runs are kept, the others have checkpoints",
        );
        return Ok(Exit::Interrupted);
    }
    if end.summary.detached {
        say_detached(end);
        return Ok(Exit::Ok);
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
            "{waiting} runs wait: run the same command again to go on"
        ));
    }
    end.failed().map_or(Ok(Exit::Ok), Err)
}

fn say_detached(end: &SessionEnd) {
    let held = end.count(|state| state.lease().is_some());
    let waiting = end.count(|state| !state.has_ended()) - held;
    output::note(format!(
        "the engine has {held} jobs, {waiting} runs wait; `isoflop resume {}` collects and gives it more",
        end.plan.name
    ));
}

fn ended(end: &SessionEnd) -> serde_json::Value {
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
