//! `isoflop status`

use std::time::{SystemTime, UNIX_EPOCH};

use super::args::SweepArgs;
use super::sweep::{named, recorded};
use super::{Exit, Failed, output};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::SweepDir;
use isoflop_core::units::duration;
use isoflop_dispatch::coordinator::SweepLock;
use isoflop_dispatch::store::{Counts, Reader, Record, RunEntry, RunState};
use isoflop_table::{RunStatus, collect};

/// Longer sweeps are shown by arm.
const MOST_ROWS: u64 = 60;
/// Failed runs that are named.
const NAMED: usize = 5;

pub(super) fn main(args: &SweepArgs) -> Result<Exit, Failed> {
    let name = named(&args.sweep)?;
    let dir = SweepDir::new(&args.folders.results, &name);
    let Some(reader) = Reader::open(&dir)? else {
        return without_store(args);
    };
    let counts = reader.counts()?;
    if args.json {
        output::json(&reader.runs()?.iter().map(json).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    if counts.total() <= MOST_ROWS {
        print_rows(&reader.runs()?);
    } else {
        print_arms(&reader.by_arm()?);
    }
    print_active(&reader.in_states(&["leased", "running", "committing"], usize::MAX)?);
    print_failed(&reader.in_states(&["failed", "quarantined"], NAMED)?);
    let of = |names: &[&str]| names.iter().map(|name| counts.of(name)).sum::<u64>();
    let (queued, running) = (of(&["queued"]), of(&["leased", "running", "committing"]));
    let mut parts = vec![
        format!("{} diverged", of(&["diverged"])),
        format!(
            "{} to do ({running} running, {queued} queued)",
            running + queued
        ),
    ];
    for state in ["failed", "quarantined", "cancelled"] {
        let count = of(&[state]);
        parts.extend((count > 0).then(|| format!("{count} {state}")));
    }
    output::line(String::new());
    output::paragraph(&format!(
        "{name}: {} of {} runs finished, {}; {}",
        of(&["done"]),
        counts.total(),
        parts.join(", "),
        legend()
    ));
    match SweepLock::holder(&dir) {
        Some(holder) => output::line(format!("coordinator: {holder}")),
        None if queued + running > 0 => output::line(format!(
            "no coordinator runs; `isoflop resume {name}` goes on"
        )),
        None => {}
    }
    Ok(Exit::Ok)
}

fn print_rows(runs: &[RunEntry]) {
    let rows = runs.iter().map(|run| {
        let loss = run
            .loss
            .map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}"));
        let mut row = vec![run.arm.clone(), run.size.clone(), run.seed.to_string()];
        row.extend([
            format!("{:.2e}", run.budget),
            status(&run.record.state).to_owned(),
            loss,
            run.id.clone(),
        ]);
        row
    });
    output::line(output::table(
        &["arm", "size", "seed", "budget", "status", "loss", "run"],
        rows.collect(),
        2,
    ));
}

fn print_arms(arms: &[(String, Counts)]) {
    let rows = arms.iter().map(|(arm, counts)| {
        let ended_badly = ["failed", "quarantined", "cancelled"]
            .iter()
            .map(|name| counts.of(name))
            .sum::<u64>();
        let running = ["leased", "running", "committing"]
            .iter()
            .map(|name| counts.of(name))
            .sum::<u64>();
        let numbers = [
            counts.total(),
            counts.of("done"),
            counts.of("diverged"),
            running,
            counts.of("queued"),
            ended_badly,
        ];
        [arm.clone()]
            .into_iter()
            .chain(numbers.map(|number| number.to_string()))
            .collect()
    });
    let header = [
        "arm", "runs", "finished", "diverged", "running", "queued", "given up",
    ];
    output::line(output::table(&header, rows.collect(), 1));
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
        output::line(format!(
            "slot {}: {}{attempt}, {since}",
            lease.slot,
            super::runs::label(run)
        ));
    }
}

fn print_failed(runs: &[RunEntry]) {
    for run in runs {
        if let Some(failure) = run.record.state.failure() {
            output::paragraph(&format!(
                "{} {}: {}",
                run.record.state.name(),
                super::runs::label(run),
                failure.message
            ));
        }
    }
}

/// The column of losses in words.
fn legend() -> String {
    format!("loss is {} in {}", LOSS_VAL.label, LOSS_VAL.unit)
}

/// The state in the word that tables of results have for it.
fn status(state: &RunState) -> &'static str {
    match state {
        RunState::Done => RunStatus::Finished.name(),
        state => state.name(),
    }
}

fn json(run: &RunEntry) -> serde_json::Value {
    let state = &run.record.state;
    serde_json::json!({
        "id": run.id, "arm": run.arm, "size": run.size, "seed": run.seed, "budget": run.budget,
        "budget_kind": run.budget_kind, "lr_factor": run.lr_factor, "status": status(state), "loss_val": run.loss,
        "attempts": run.record.attempts, "slot": state.lease().map(|lease| lease.slot),
        "failure": state.failure().map(|failure| failure.class.name()),
        "message": state.failure().map(|failure| &failure.message),
    })
}

/// Results that came without a store: of an isoflop that had none, or a committed study.
fn without_store(args: &SweepArgs) -> Result<Exit, Failed> {
    let (dir, plan) = recorded(&args.sweep, &args.folders)?;
    let runs: Vec<RunEntry> = collect(&dir, &plan)
        .runs
        .into_iter()
        .map(|row| RunEntry {
            loss: row.loss(),
            id: row.run_id,
            arm: row.arm,
            size: row.size,
            seed: row.seed,
            budget: row.budget,
            budget_kind: row.budget_kind.to_owned(),
            lr_factor: None,
            record: Record {
                state: match row.status {
                    RunStatus::Finished => RunState::Done,
                    RunStatus::Diverged => RunState::Diverged,
                    RunStatus::Missing => RunState::default(),
                },
                attempts: row.attempt.unwrap_or(0),
                ..Record::default()
            },
            changed_at: 0,
        })
        .collect();
    if args.json {
        output::json(&runs.iter().map(json).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    print_rows(&runs);
    let count = |name: &str| {
        runs.iter()
            .filter(|run| run.record.state.name() == name)
            .count()
    };
    let (finished, diverged, queued) = (count("done"), count("diverged"), count("queued"));
    output::line(String::new());
    output::paragraph(&format!(
        "{}: {finished} of {} runs finished, {diverged} diverged, {queued} to do; {}",
        plan.name,
        runs.len(),
        legend()
    ));
    Ok(Exit::Ok)
}
