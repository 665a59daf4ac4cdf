//! What a sweep file asks for, beside what was planned before and what is done.

use std::collections::HashSet;
use std::io::ErrorKind;

use serde::Serialize;

use super::{Listener, Sweep};
use isoflop_core::run::RunId;
use isoflop_dispatch::coordinator::Resumed;
use isoflop_sweep::Plan;

/// The difference between the sweep file and its results. No run of it is lost: what is no longer wanted stays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changes {
    /// Runs that were neither planned nor done before.
    pub new: Vec<RunId>,
    /// Runs that were.
    pub kept: usize,
    /// Of these, those that are done.
    pub kept_done: usize,
    /// Runs that were planned before, or are done, and that the file does not ask for.
    pub no_longer_wanted: Vec<Unwanted>,
}

/// A run that is no longer wanted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unwanted {
    /// Its identity.
    pub id: String,
    /// Its name for people, where a plan gives it one.
    pub label: Option<String>,
    /// Whether it has an outcome.
    pub done: bool,
}

impl Changes {
    /// Against the plan that lies with the results; nothing where nothing was ever planned or done.
    pub(crate) fn of(
        sweep: &Sweep,
        resumed: &Resumed,
        listener: &mut dyn Listener,
    ) -> Option<Self> {
        let recorded = Plan::read(&sweep.dir.plan());
        if let Err(e) = &recorded
            && e.kind() != ErrorKind::NotFound
        {
            let path = sweep.dir.plan().display().to_string();
            listener.warning(&format!(
                "`{path}` cannot be read, so that what was planned before is not known: {e}"
            ));
        }
        let changes = Self::between(recorded.as_ref().ok(), &sweep.plan, resumed);
        let known = recorded.is_ok() || changes.kept > 0 || !changes.no_longer_wanted.is_empty();
        known.then_some(changes)
    }

    fn between(recorded: Option<&Plan>, plan: &Plan, resumed: &Resumed) -> Self {
        let before: &[_] = recorded.map_or(&[], |plan| &plan.runs);
        let planned: HashSet<&str> = before.iter().map(|run| run.id.as_str()).collect();
        let wanted: HashSet<&RunId> = plan.runs.iter().map(|run| &run.id).collect();
        let finished: HashSet<&str> = resumed.unwanted.iter().map(String::as_str).collect();
        let runs = plan.runs.iter().zip(&resumed.done);
        let new: Vec<RunId> = runs
            .filter(|(run, done)| !**done && !planned.contains(run.id.as_str()))
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
        let strangers = resumed
            .unwanted
            .iter()
            .filter(|id| !planned.contains(id.as_str()))
            .map(|id| Unwanted {
                id: id.clone(),
                label: None,
                done: true,
            });
        Self {
            kept: plan.runs.len() - new.len(),
            kept_done: resumed.done_count(),
            no_longer_wanted: dropped.chain(strangers).collect(),
            new,
        }
    }
}
