//! What a sweep file asks for, beside what was planned before and what is done.

use super::output;
use isoflop_app::{Changes, Unwanted};

/// How many runs that are no longer wanted are named.
const NAMED: usize = 5;

/// Prints the difference, where there is one.
pub(super) fn print(changes: &Changes) {
    let Changes {
        new,
        kept,
        kept_done,
        no_longer_wanted,
    } = changes;
    if new.is_empty() && no_longer_wanted.is_empty() {
        return;
    }
    output::line("\nchanges against what was planned before:");
    output::line(format!("  {} new", runs(new.len())));
    output::line(format!("  {} kept, {kept_done} of them done", runs(*kept)));
    if no_longer_wanted.is_empty() {
        return;
    }
    let done = no_longer_wanted.iter().filter(|run| run.done).count();
    let count = runs(no_longer_wanted.len());
    output::line(format!(
        "  {count} no longer wanted, {done} of them done; they stay in the results, unused:"
    ));
    for Unwanted { id, label, done } in no_longer_wanted.iter().take(NAMED) {
        let done = if *done { ", done" } else { "" };
        output::line(match label {
            Some(label) => format!("    {label} ({id}){done}"),
            None => format!("    {id}{done}"),
        });
    }
    let more = no_longer_wanted.len().saturating_sub(NAMED);
    if more > 0 {
        output::line(format!("    ... and {more} more"));
    }
}

/// `1 run is`, `2 runs are`.
fn runs(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", output::runs(count))
}
