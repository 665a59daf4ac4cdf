//! `isoflop status`

use std::time::{SystemTime, UNIX_EPOCH};

use super::args::SweepArgs;
use super::{Exit, output};
use isoflop_app::{AppError, Status, run_label, status};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::units::duration;
use isoflop_dispatch::store::{Counts, Reader, RunEntry, RunState};
use isoflop_table::RunStatus;

/// Longer sweeps are shown by arm.
const MOST_ROWS: u64 = 60;
/// Failed runs that are named.
const NAMED: usize = 5;

/// States of runs that an engine has.
const UNDER_WAY: [&str; 3] = ["leased", "running", "committing"];
/// States of runs that ended without an outcome.
const GIVEN_UP: [&str; 3] = ["failed", "quarantined", "cancelled"];

pub(super) fn main(args: &SweepArgs) -> Result<Exit, AppError> {
    let status = status(&args.sweep, &args.folders.results)?;
    if args.json {
        output::json(&status.runs()?.iter().map(json).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    match &status {
        Status::Stored { sweep, reader, .. } => print_stored(&status, sweep, reader)?,
        Status::Collected { sweep, runs } => print_collected(sweep, runs),
    }
    Ok(Exit::Ok)
}

fn print_stored(status: &Status, name: &str, reader: &Reader) -> Result<(), AppError> {
    let counts = reader.counts()?;
    if counts.total() <= MOST_ROWS {
        print_rows(&reader.runs()?);
    } else {
        print_arms(&reader.by_arm()?);
    }
    print_active(&reader.in_states(&UNDER_WAY, usize::MAX)?);
    print_failed(&reader.in_states(&["failed", "quarantined"], NAMED)?);
    let (queued, running) = (counts.of("queued"), sum(&counts, &UNDER_WAY));
    let to_do = running + queued;
    let mut parts = vec![
        format!("{} diverged", counts.of("diverged")),
        format!("{to_do} to do ({running} running, {queued} queued)"),
    ];
    for state in GIVEN_UP {
        let count = counts.of(state);
        parts.extend((count > 0).then(|| format!("{count} {state}")));
    }
    output::line("");
    let (done, all, others) = (counts.of("done"), counts.total(), parts.join(", "));
    let (label, unit) = (LOSS_VAL.label, LOSS_VAL.unit);
    output::paragraph(&format!(
        "{name}: {done} of {all} runs finished, {others}; loss is {label} in {unit}"
    ));
    match status.coordinator() {
        Some(holder) => output::line(format!("coordinator: {holder}")),
        None if to_do > 0 => output::line(format!(
            "no coordinator runs; `isoflop resume {name}` goes on"
        )),
        None => {}
    }
    Ok(())
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
    output::table(&header, rows, 2);
}

fn print_arms(arms: &[(String, Counts)]) {
    let rows = arms.iter().map(|(arm, counts)| {
        let numbers = [
            counts.total(),
            counts.of("done"),
            counts.of("diverged"),
            sum(counts, &UNDER_WAY),
            counts.of("queued"),
            sum(counts, &GIVEN_UP),
        ];
        let numbers = numbers.map(|number| number.to_string());
        std::iter::once(arm.clone()).chain(numbers).collect()
    });
    let header = [
        "arm", "runs", "finished", "diverged", "running", "queued", "given up",
    ];
    output::table(&header, rows, 1);
}

/// Runs in any of these states.
fn sum(counts: &Counts, names: &[&str]) -> u64 {
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
        output::line(format!("slot {slot}: {label}{attempt}, {since}"));
    }
}

fn print_failed(runs: &[RunEntry]) {
    for run in runs {
        if let Some(failure) = run.record.state.failure() {
            let (state, label) = (run.record.state.name(), run_label(run));
            output::paragraph(&format!("{state} {label}: {}", failure.message));
        }
    }
}

/// The state in the word that tables of results have for it.
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

fn print_collected(name: &str, runs: &[RunEntry]) {
    print_rows(runs);
    let count = |name: &str| {
        runs.iter()
            .filter(|run| run.record.state.name() == name)
            .count()
    };
    let (finished, diverged, queued) = (count("done"), count("diverged"), count("queued"));
    let all = runs.len();
    output::line("");
    output::paragraph(&format!(
        "{name}: {finished} of {all} runs finished, {diverged} diverged, {queued} to do; loss is validation loss in nats/token"
    ));
}
