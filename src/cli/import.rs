//! `isoflop import`

use serde_json::{Value, json};

use super::args::ImportArgs;
use super::output::runs;
use super::terminal::Terminal;
use super::{ExitReason, output};
use isoflop_app::{AppError, ImportRequest, ImportSummary, import};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::{Outcome, Provenance, RunEnding};
use isoflop_dispatch::coordinator::{ImportedRuns, OutcomeDifference};

/// Most runs of a kind that are named.
const NAMED: usize = 5;

pub(super) fn main(args: &ImportArgs) -> Result<ExitReason, AppError> {
    let request = ImportRequest {
        from: args.from.clone(),
        into: args.into.clone(),
        results: args.folders.results.clone(),
    };
    let import = import(&request, &mut Terminal::new())?;
    if args.json {
        output::json(&as_json(&import))?;
    } else {
        print(&import);
    }
    Ok(ExitReason::Ok)
}

fn print(import: &ImportSummary) {
    let (sweep, imported) = (&import.sweep, &import.imported);
    let (count, from) = (runs(imported.imported.len()), import.from.root().display());
    output::paragraph(format!("{sweep}: {count} imported from `{from}`"));
    let (here, left) = (imported.already_done, imported.not_finished);
    output::paragraph(format!(
        "{here} were already done here, {left} are not finished there"
    ));
    left_out(import);
    match import.is_complete {
        Some(true) => output::remark(format!(
            "the sweep is new here; `isoflop resume {sweep}` continues it"
        )),
        Some(false) => output::remark(
            "the sweep is new here, but its text or sweep file was missing; `isoflop run` with the sweep file continues it",
        ),
        None => {}
    }
    output::note(format!(
        "`isoflop report {sweep}` writes the tables and the report with the imported runs"
    ));
}

/// Warns of runs whose outcomes are not used.
fn left_out(import: &ImportSummary) {
    let ImportedRuns {
        differing,
        damaged,
        not_in_plan: not_wanted,
        ..
    } = &import.imported;
    if !differing.is_empty() {
        differences(import, differing);
    }
    if !damaged.is_empty() {
        let count = runs(damaged.len());
        output::warning(format!("{count} of that folder are damaged and left out:"));
        few(damaged, |(folder, reason)| {
            output::note(format!("  {folder}: {reason}"))
        });
    }
    if !not_wanted.is_empty() {
        let (sweep, count) = (&import.sweep, runs(not_wanted.len()));
        output::warning(format!(
            "{count} not in the plan of {sweep}, kept but not used:"
        ));
        few(not_wanted, |id| {
            output::note(format!("  {}", label(import, id.as_str())))
        });
    }
}

fn label(import: &ImportSummary, id: &str) -> String {
    let label = import.labels.get(id);
    label.map_or_else(|| id.to_owned(), |label| format!("{label} ({id})"))
}

/// Warns of runs with two different results, usually from different hardware or threads.
fn differences(import: &ImportSummary, differing: &[OutcomeDifference]) {
    let largest = differing
        .iter()
        .filter_map(OutcomeDifference::nats)
        .fold(0.0, f64::max);
    let (count, unit) = (runs(differing.len()), LOSS_VAL.unit);
    output::warning(format!(
        "{count} with other results there; the results here are kept, largest difference {largest:.2e} {unit}:"
    ));
    few(differing, |OutcomeDifference { run, here, there }| {
        output::note(format!("  {}", label(import, run.as_str())));
        output::note(format!("    here:  {}", origin(here)));
        output::note(format!("    there: {}", origin(there)));
    });
}

/// Prints the first items of a list, and the number of the others.
fn few<T>(items: &[T], mut say: impl FnMut(&T)) {
    items.iter().take(NAMED).for_each(&mut say);
    if items.len() > NAMED {
        output::note(format!("  ... and {} more", items.len() - NAMED));
    }
}

fn origin(outcome: &Outcome) -> String {
    let end = match outcome.ending {
        RunEnding::Finished { scores, .. } => {
            format!("{:.6} {}", scores.loss_val, LOSS_VAL.unit)
        }
        RunEnding::Diverged { step, .. } => format!("diverged at step {step}"),
    };
    let Provenance { host, hardware, .. } = &outcome.provenance;
    format!("{end}, on {host} ({hardware}, {} threads)", outcome.threads)
}

fn as_json(import: &ImportSummary) -> Value {
    // Each field is named, so that a new field cannot be forgotten here.
    let ImportedRuns {
        imported,
        already_done: there_already,
        differing,
        not_finished,
        damaged,
        not_in_plan: not_wanted,
    } = &import.imported;
    let nats = differing.iter().filter_map(OutcomeDifference::nats);
    let damage = |(run, reason): &(String, String)| json!({ "run": run, "reason": reason });
    json!({
        "sweep": import.sweep, "from": import.from.root(), "imported": imported,
        "there_already": there_already, "not_finished": not_finished,
        "differing": differing.iter().map(difference_json).collect::<Vec<_>>(),
        "largest_difference_nats": nats.reduce(f64::max),
        "damaged": damaged.iter().map(damage).collect::<Vec<_>>(),
        "not_wanted": not_wanted, "new_sweep": import.is_complete.is_some(),
    })
}

fn difference_json(difference: &OutcomeDifference) -> Value {
    // A run that diverged has no loss.
    let origin = |outcome: &Outcome| {
        let from = &outcome.provenance;
        json!({ "loss_val": outcome.loss(), "host": from.host, "hardware": from.hardware, "threads": outcome.threads })
    };
    json!({
        "id": difference.run, "difference_nats": difference.nats(), "here": origin(&difference.here),
        "there": origin(&difference.there),
    })
}
