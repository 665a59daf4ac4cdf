//! `isoflop status`

use std::time::{SystemTime, UNIX_EPOCH};

use super::args::SweepArgs;
use super::{ExitReason, output};
use isoflop_app::{AppError, DeviceTime, SweepStatus, run_label, status};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::units::duration;
use isoflop_dispatch::store::{RunEntry, RunState, StateCounts};
use isoflop_table::RunStatus;

/// Most runs that are listed. Longer sweeps are shown by arm.
const MOST_ROWS: u64 = 60;
/// Most runs whose outcomes are read for the device time. Larger sweeps would take seconds.
const MOST_TIMED: u64 = 10_000;
/// Most failed runs that are named.
const NAMED: usize = 5;

/// States of runs that an engine has.
const ACTIVE: [&str; 3] = ["leased", "running", "committing"];
/// States of runs that are not retried, because they failed.
const FAILED: [&str; 2] = ["failed", "quarantined"];
/// States of runs that ended without an outcome.
const ABANDONED: [&str; 3] = ["failed", "quarantined", "cancelled"];

pub(super) fn main(args: &SweepArgs) -> Result<ExitReason, AppError> {
    let status = status(&args.sweep, &args.folders.results)?;
    if args.json {
        output::json(&status.runs()?.iter().map(json).collect::<Vec<_>>())?;
        return Ok(ExitReason::Ok);
    }
    print(&status)?;
    Ok(ExitReason::Ok)
}

fn print(status: &SweepStatus) -> Result<(), AppError> {
    let counts = status.counts()?;
    if counts.total() <= MOST_ROWS {
        print_rows(&status.runs()?);
    } else {
        print_arms(&status.by_arm()?);
    }
    if let SweepStatus::Stored { reader, .. } = status {
        print_active(&reader.in_states(&ACTIVE, usize::MAX)?);
        print_failed(&reader.in_states(&FAILED, NAMED)?);
    }
    output::line("");
    let (label, unit) = (LOSS_VAL.label, LOSS_VAL.unit);
    let (name, counted) = (status.name(), counted(&counts));
    output::paragraph(format!("{name}: {counted}; loss is {label} in {unit}"));
    let unfinished = counts.of("queued") + sum(&counts, &ACTIVE);
    let coordinator = status.coordinator();
    if counts.total() <= MOST_TIMED
        && let Some(time) = status.device_time()?
    {
        let slots = coordinator.as_ref().map(|_| sum(&counts, &ACTIVE));
        print_time(time, slots.unwrap_or(0));
    }
    match coordinator {
        Some(holder) => output::paragraph(format!("coordinator: {holder}")),
        None if unfinished > 0 => output::paragraph(format!(
            "no coordinator is running; `isoflop resume {name}` continues"
        )),
        None => {}
    }
    Ok(())
}

/// Formats the number of runs in each state.
fn counted(counts: &StateCounts) -> String {
    let (queued, running) = (counts.of("queued"), sum(counts, &ACTIVE));
    let mut parts = vec![
        format!("{} of {} runs finished", counts.of("done"), counts.total()),
        format!("{} diverged", counts.of("diverged")),
        format!(
            "{} to do ({running} running, {queued} queued)",
            running + queued
        ),
    ];
    for state in ABANDONED {
        let count = counts.of(state);
        parts.extend((count > 0).then(|| format!("{count} {state}")));
    }
    parts.join(", ")
}

/// Prints the device time that is spent and planned, and the time left while `slots` are in use.
fn print_time(DeviceTime { spent, left }: DeviceTime, slots: u64) {
    let Some(left) = left.filter(|left| *left > 0.0) else {
        return output::paragraph(format!("device time: {} spent", duration(spent)));
    };
    let all = duration(spent + left);
    let spent = duration(spent);
    output::paragraph(format!(
        "device time: {spent} spent, {all} planned (estimate)"
    ));
    if slots > 0 {
        let (left, slots) = (
            duration(left / slots as f64),
            output::counted(slots, "slot"),
        );
        output::paragraph(format!("time left: {left} (estimate, with {slots} in use)"));
    }
}

/// Colour of a state, as an ANSI code.
fn colour(state: &str) -> Option<&'static str> {
    match state {
        "finished" => Some("32"),
        "diverged" => Some("33"),
        state if FAILED.contains(&state) => Some("31"),
        state if ACTIVE.contains(&state) => Some("36"),
        _ => None,
    }
}

fn print_rows(runs: &[RunEntry]) {
    let rows = runs.iter().map(|run| {
        vec![
            run.arm.clone(),
            run.size.clone(),
            run.seed.to_string(),
            format!("{:.2e}", run.budget.value()),
            state_name(&run.record.state).to_owned(),
            output::or_dash(run.loss, |loss| format!("{loss:.4}")),
            run.id.clone(),
        ]
    });
    let header = ["arm", "size", "seed", "budget", "status", "loss", "run"];
    output::coloured_table(&header, rows, 2, "status", colour);
}

fn print_arms(arms: &[(String, StateCounts)]) {
    let rows = arms.iter().map(|(arm, counts)| {
        let numbers = [
            counts.total(),
            counts.of("done"),
            counts.of("diverged"),
            sum(counts, &ACTIVE),
            counts.of("queued"),
            sum(counts, &ABANDONED),
        ];
        let numbers = numbers.map(|number| number.to_string());
        std::iter::once(arm.clone()).chain(numbers).collect()
    });
    let header = [
        "arm",
        "runs",
        "finished",
        "diverged",
        "running",
        "queued",
        "abandoned",
    ];
    output::table(&header, rows, 1);
}

/// Number of runs in any of these states.
fn sum(counts: &StateCounts, names: &[&str]) -> u64 {
    names.iter().map(|name| counts.of(name)).sum()
}

fn print_active(runs: &[RunEntry]) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64);
    for run in runs {
        let Some(lease) = run.record.state.lease() else {
            continue;
        };
        let since = duration((now - run.changed_at).max(0) as f64);
        let attempt = if lease.attempt > 1 {
            format!(", attempt {}", lease.attempt)
        } else {
            String::new()
        };
        let (slot, label) = (lease.slot, run_label(run));
        output::paragraph(format!("slot {slot}: {label}{attempt}, {since}"));
    }
}

fn print_failed(runs: &[RunEntry]) {
    for run in runs {
        if let Some(failure) = run.record.state.failure() {
            let (state, label) = (run.record.state.name(), run_label(run));
            output::paragraph(format!("{state} {label}: {}", failure.message));
        }
    }
}

/// Name of a state, as in the tables of results.
fn state_name(state: &RunState) -> &'static str {
    match state {
        RunState::Done => RunStatus::Finished.name(),
        state => state.name(),
    }
}

fn json(run: &RunEntry) -> serde_json::Value {
    let state = &run.record.state;
    serde_json::json!({
        "id": run.id, "arm": run.arm, "size": run.size, "seed": run.seed, "budget": run.budget.value(),
        "budget_kind": run.budget.kind(), "lr_factor": run.lr_factor, "status": state_name(state), "loss_val": run.loss,
        "attempts": run.record.attempts, "slot": state.lease().map(|lease| lease.slot),
        "failure": state.failure().map(|failure| failure.class.name()),
        "message": state.failure().map(|failure| &failure.message),
    })
}
