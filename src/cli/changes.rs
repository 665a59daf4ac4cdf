//! What a sweep file asks for, beside what was planned before and what is done.

use std::collections::HashSet;
use std::io::ErrorKind;

use serde::Serialize;

use super::output;
use isoflop_app::Sweep;
use isoflop_core::run::RunId;
use isoflop_dispatch::coordinator::Resumed;
use isoflop_sweep::Plan;

/// How many runs that are no longer wanted are named.
const NAMED: usize = 5;

/// The difference between the sweep file and its results. No run of it is lost: what is no longer wanted stays.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Changes {
    /// Runs that were neither planned nor done before.
    new: Vec<RunId>,
    /// Runs that were.
    kept: usize,
    /// Of these, those that are done.
    kept_done: usize,
    /// Runs that were planned before, or are done, and that the file does not ask for.
    no_longer_wanted: Vec<Unwanted>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Unwanted {
    id: String,
    /// Its name for people, where a plan gives it one.
    label: Option<String>,
    done: bool,
}

impl Changes {
    /// Against the plan that lies with the results; nothing where nothing was ever planned or done.
    pub(super) fn of(sweep: &Sweep, resumed: &Resumed) -> Option<Self> {
        let recorded = Plan::read(&sweep.dir.plan());
        if let Err(e) = &recorded
            && e.kind() != ErrorKind::NotFound
        {
            let path = sweep.dir.plan().display().to_string();
            output::warning(format!(
                "`{path}` cannot be read, so that what was planned before is not known: {e}"
            ));
        }
        let changes = Self::between(recorded.as_ref().ok(), &sweep.plan, resumed);
        let known = recorded.is_ok() || changes.kept > 0 || !changes.no_longer_wanted.is_empty();
        known.then_some(changes)
    }

    fn between(recorded: Option<&Plan>, plan: &Plan, resumed: &Resumed) -> Self {
        let before: &[_] = recorded.map_or(&[], |plan| &plan.runs);
        let planned: HashSet<&RunId> = before.iter().map(|run| &run.id).collect();
        let wanted: HashSet<&RunId> = plan.runs.iter().map(|run| &run.id).collect();
        let finished: HashSet<&str> = resumed.unwanted.iter().map(String::as_str).collect();
        let runs = || plan.runs.iter().zip(&resumed.done);
        let is_new = |id: &RunId, done: bool| !done && !planned.contains(id);
        let new: Vec<RunId> = runs()
            .filter(|(run, done)| is_new(&run.id, **done))
            .map(|(run, _)| run.id.clone())
            .collect();
        let dropped = before
            .iter()
            .filter(|run| !wanted.contains(&run.id))
            .map(|run| Unwanted {
                id: run.id.to_string(),
                label: Some(run.label()),
                done: finished.contains(run.id.as_str()),
            });
        let labelled: HashSet<&str> = planned.iter().map(|id| id.as_str()).collect();
        let strangers = resumed
            .unwanted
            .iter()
            .filter(|id| !labelled.contains(id.as_str()));
        let strangers = strangers.map(|id| Unwanted {
            id: id.clone(),
            label: None,
            done: true,
        });
        Self {
            kept: plan.runs.len() - new.len(),
            kept_done: resumed.done.iter().filter(|done| **done).count(),
            no_longer_wanted: dropped.chain(strangers).collect(),
            new,
        }
    }

    /// In lines, where there is a difference.
    pub(super) fn print(&self) {
        let Self {
            new,
            kept,
            kept_done,
            no_longer_wanted,
        } = self;
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
        if no_longer_wanted.len() > NAMED {
            output::line(format!(
                "    ... and {} more",
                no_longer_wanted.len() - NAMED
            ));
        }
    }
}

fn runs(count: usize) -> String {
    if count == 1 {
        "1 run is".to_owned()
    } else {
        format!("{count} runs are")
    }
}
