//! `isoflop import`

use serde_json::{Value, json};

use super::args::ImportArgs;
use super::output::runs;
use super::terminal::Terminal;
use super::{Exit, output};
use isoflop_app::{AppError, Import, ImportRequest, import};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::{Ending, Outcome, Provenance};
use isoflop_dispatch::coordinator::{Difference, Imported};

/// How many runs of a kind are named.
const NAMED: usize = 5;

pub(super) fn main(args: &ImportArgs) -> Result<Exit, AppError> {
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
    Ok(Exit::Ok)
}

fn print(import: &Import) {
    let (sweep, imported) = (&import.sweep, &import.imported);
    let (count, from) = (runs(imported.imported.len()), import.from.root().display());
    output::line(format!("{sweep}: {count} imported from `{from}`"));
    let (here, left) = (imported.there_already, imported.not_finished);
    output::line(format!(
        "{here} were done here already, {left} are not finished there"
    ));
    left_out(import);
    match import.whole {
        Some(true) => output::remark(format!(
            "the sweep is new here: `isoflop resume {sweep}` goes on with it"
        )),
        Some(false) => output::remark(
            "the sweep is new here, and its text or sweep file was not there: `isoflop run` goes on with it",
        ),
        None => {}
    }
    output::note(format!(
        "`isoflop report {sweep}` makes tables and report with them"
    ));
}

/// Warns of runs whose outcomes are not used.
fn left_out(import: &Import) {
    let Imported {
        differing,
        damaged,
        not_wanted,
        ..
    } = &import.imported;
    if !differing.is_empty() {
        differences(import, differing);
    }
    if !damaged.is_empty() {
        let count = runs(damaged.len());
        output::warning(format!("{count} of it are damaged and left out:"));
        few(damaged, |(folder, reason)| {
            output::note(format!("  {folder}: {reason}"))
        });
    }
    if !not_wanted.is_empty() {
        let (sweep, count) = (&import.sweep, runs(not_wanted.len()));
        output::warning(format!(
            "the plan of {sweep} does not ask for {count}; they are kept and not used:"
        ));
        few(not_wanted, |id| {
            output::note(format!("  {}", label(import, id.as_str())))
        });
    }
}

fn label(import: &Import, id: &str) -> String {
    let label = import.labels.get(id);
    label.map_or_else(|| id.to_owned(), |label| format!("{label} ({id})"))
}

/// The same run, twice trained, with two losses: other hardware or threads, as a rule.
fn differences(import: &Import, differing: &[Difference]) {
    let largest = differing
        .iter()
        .filter_map(Difference::nats)
        .fold(0.0, f64::max);
    let (count, unit) = (runs(differing.len()), LOSS_VAL.unit);
    output::warning(format!(
        "{count} ended otherwise there; ours are kept, largest difference {largest:.2e} {unit}:"
    ));
    few(differing, |Difference { run, here, there }| {
        output::note(format!("  {}", label(import, run.as_str())));
        output::note(format!("    here:  {}", origin(here)));
        output::note(format!("    there: {}", origin(there)));
    });
}

/// The first of a list, and how many more there are.
fn few<T>(items: &[T], mut say: impl FnMut(&T)) {
    items.iter().take(NAMED).for_each(&mut say);
    if items.len() > NAMED {
        output::note(format!("  ... and {} more", items.len() - NAMED));
    }
}

fn origin(outcome: &Outcome) -> String {
    let end = match outcome.ending {
        Ending::Finished { scores, .. } => {
            format!("{:.6} {}", scores.loss_val, LOSS_VAL.unit)
        }
        Ending::Diverged { step, .. } => format!("diverged at step {step}"),
    };
    let Provenance { host, hardware, .. } = &outcome.provenance;
    format!("{end}, on {host} ({hardware}, {} threads)", outcome.threads)
}

fn as_json(import: &Import) -> Value {
    // Named one by one: a field that is added is not forgotten here.
    let Imported {
        imported,
        there_already,
        differing,
        not_finished,
        damaged,
        not_wanted,
    } = &import.imported;
    let nats = differing.iter().filter_map(Difference::nats);
    let damage = |(run, reason): &(String, String)| json!({ "run": run, "reason": reason });
    json!({
        "sweep": import.sweep, "from": import.from.root(), "imported": imported,
        "there_already": there_already, "not_finished": not_finished,
        "differing": differing.iter().map(difference_json).collect::<Vec<_>>(),
        "largest_difference_nats": nats.reduce(f64::max),
        "damaged": damaged.iter().map(damage).collect::<Vec<_>>(),
        "not_wanted": not_wanted, "new_sweep": import.whole.is_some(),
    })
}

fn difference_json(difference: &Difference) -> Value {
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
