//! Printing of the changes to the previous plan of a sweep.

use super::output;
use isoflop_app::{ObsoleteRun, SweepChanges};

/// Most obsolete runs that are named.
const NAMED: usize = 5;

/// Prints the changes, if there are any.
pub(super) fn print(changes: &SweepChanges) {
    let SweepChanges {
        new,
        kept,
        kept_done,
        no_longer_wanted,
    } = changes;
    if new.is_empty() && no_longer_wanted.is_empty() {
        return;
    }
    output::line("\nchanges to the previous plan:");
    output::block(format!("  {} new", runs(new.len())));
    output::block(format!("  {} kept, {kept_done} of them done", runs(*kept)));
    if no_longer_wanted.is_empty() {
        return;
    }
    let done = no_longer_wanted.iter().filter(|run| run.done).count();
    let count = runs(no_longer_wanted.len());
    output::block(format!(
        "  {count} no longer in the sweep file, {done} of them done; they stay in the results, unused:"
    ));
    for ObsoleteRun { id, label, done } in no_longer_wanted.iter().take(NAMED) {
        let done = if *done { ", done" } else { "" };
        output::block(match label {
            Some(label) => format!("    {label} ({id}){done}"),
            None => format!("    {id}{done}"),
        });
    }
    let more = no_longer_wanted.len().saturating_sub(NAMED);
    if more > 0 {
        output::block(format!("    ... and {more} more"));
    }
}

/// Formats a number of runs with the verb: `1 run is`, `2 runs are`.
fn runs(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", output::runs(count))
}
