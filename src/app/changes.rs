//! Differences between a sweep file and the runs that were planned or done before.

use std::collections::HashSet;
use std::io::ErrorKind;

use serde::Serialize;

use super::{Listener, PlannedSweep};
use isoflop_core::run::RunId;
use isoflop_dispatch::coordinator::ResumedRuns;
use isoflop_sweep::Plan;

/// The difference between a sweep file and its results. Obsolete runs stay in the results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepChanges {
    /// Runs that were neither planned nor done before.
    pub new: Vec<RunId>,
    /// Number of runs that were planned or done before.
    pub kept: usize,
    /// Number of kept runs that are done.
    pub kept_done: usize,
    /// Runs that were planned before or are done, and are not in the sweep file now.
    pub no_longer_wanted: Vec<ObsoleteRun>,
}

/// A run of the results that is not in the sweep file now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObsoleteRun {
    /// Its identity.
    pub id: String,
    /// Its label, if the previous plan had the run.
    pub label: Option<String>,
    /// True if it has an outcome.
    pub done: bool,
}

impl SweepChanges {
    /// Compares with the plan in the results folder. `None` if no run was planned or done before.
    pub(crate) fn of(
        sweep: &PlannedSweep,
        resumed: &ResumedRuns,
        listener: &mut dyn Listener,
    ) -> Option<Self> {
        let recorded = Plan::read(&sweep.dir.plan());
        if let Err(e) = &recorded
            && e.kind() != ErrorKind::NotFound
        {
            let path = sweep.dir.plan().display().to_string();
            listener.warning(&format!(
                "cannot read `{path}`, so the previous plan is unknown: {e}"
            ));
        }
        let changes = Self::between(recorded.as_ref().ok(), &sweep.plan, resumed);
        let known = recorded.is_ok() || changes.kept > 0 || !changes.no_longer_wanted.is_empty();
        known.then_some(changes)
    }

    fn between(recorded: Option<&Plan>, plan: &Plan, resumed: &ResumedRuns) -> Self {
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
            .map(|run| ObsoleteRun {
                id: run.id.to_string(),
                label: Some(run.label()),
                done: finished.contains(run.id.as_str()),
            });
        let strangers = resumed
            .unwanted
            .iter()
            .filter(|id| !planned.contains(id.as_str()))
            .map(|id| ObsoleteRun {
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
