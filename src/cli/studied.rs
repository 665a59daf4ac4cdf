//! The study that a command is about.

use super::args::Folders;
use super::sweep::recorded;
use super::{Exit, Failed};
use crate::fit::Study;
use crate::sweep::nearest;
use crate::table::collect;

/// A study under a name, with the arm that others are compared with.
pub(super) struct Studied {
    /// What the user called it.
    pub(super) name: String,
    /// Its runs.
    pub(super) study: Study,
    /// The arm that others are compared with.
    pub(super) baseline: String,
    /// Whether a sweep file made it, so that more lines in that file mean more runs.
    pub(super) is_sweep: bool,
}

/// Reads the runs of a sweep that has results.
pub(super) fn studied(sweep: &str, folders: &Folders) -> Result<Studied, Failed> {
    let (dir, plan) = recorded(sweep, folders)?;
    let study = collect(&dir, &plan).study();
    Ok(Studied { name: plan.name, study, baseline: plan.baseline, is_sweep: true })
}

impl Studied {
    /// Refuses an arm that the study does not have.
    pub(super) fn check_arm(&self, arm: &str) -> Result<(), Failed> {
        let arms = self.study.arms();
        if arms.is_empty() {
            let message = format!("no run of `{}` is finished, so that nothing can be fitted", self.name);
            return Err(Failed::new(Exit::FitImpossible, message, "finish runs with `isoflop run`"));
        }
        if arms.iter().any(|name| name == arm) {
            return Ok(());
        }
        let names: Vec<&str> = arms.iter().map(String::as_str).collect();
        let message = format!("`{arm}` is none of the arms with finished runs: `{}`", names.join("`, `"));
        Err(Failed::new(Exit::Usage, message, nearest(arm, &names, "arm")))
    }
}
