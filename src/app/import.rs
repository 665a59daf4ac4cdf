//! Import of finished runs from another results folder.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::sweep::sweep_name;
use super::{AppError, Listener};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{self, ImportedRuns, SweepLock, copy_sweep_files, resume};
use isoflop_sweep::{Plan, is_name};

/// Source and target of an import.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Results folder of a sweep.
    pub from: PathBuf,
    /// Sweep file, or name of the target sweep; the sweep of the same name if `None`.
    pub into: Option<String>,
    /// Folder of results.
    pub results: PathBuf,
}

/// Result of an import.
#[derive(Clone, Debug)]
pub struct ImportSummary {
    /// Name of the target sweep.
    pub sweep: String,
    /// Results folder of the source.
    pub from: SweepDir,
    /// Imported runs, and runs that were left out.
    pub imported: ImportedRuns,
    /// Labels of runs by identity, from both plans.
    pub labels: HashMap<String, String>,
    /// For a new target, true if the source has all that `isoflop resume` needs. `None` if the
    /// target already had a plan.
    pub is_complete: Option<bool>,
}

/// Imports the finished runs of another results folder. Runs that are done here are kept.
///
/// # Errors
/// [`AppError`] if the folder is not the results folder of a sweep, neither side has a plan,
/// another session has the sweep's lock, or a file cannot be read or written. Runs that were
/// imported before the error are kept.
pub fn import(
    request: &ImportRequest,
    listener: &mut dyn Listener,
) -> Result<ImportSummary, AppError> {
    let from = SweepDir::at(&request.from);
    let there = source_plan(&from)?;
    let sweep = target_name(request.into.as_deref(), &from, there.as_ref())?;
    let into = SweepDir::new(&request.results, &sweep);
    check_distinct(&from, &into)?;
    let here = target_plan(&into)?;
    let is_new = here.is_none();
    let renamed = |there: &Plan| Plan {
        name: sweep.clone(),
        ..there.clone()
    };
    let plan = here
        .or_else(|| there.as_ref().map(renamed))
        .ok_or_else(|| no_plan_error(&from, &sweep))?;
    let _lock = SweepLock::take(&into)?;
    let whole = is_new
        .then(|| copy_sweep_files(&from, &into, &plan))
        .transpose()?;
    let imported = coordinator::import(&from, &into, &plan, &mut |done, total| {
        listener.importing(done, total);
    })?;
    // Enter the runs into the store, as the next start would.
    resume(&into, &plan)?.close()?;
    Ok(ImportSummary {
        labels: labels(&plan, there.as_ref()),
        sweep,
        from,
        imported,
        is_complete: whole,
    })
}

fn check_distinct(from: &SweepDir, into: &SweepDir) -> Result<(), AppError> {
    if let (Ok(one), Ok(other)) = (from.root().canonicalize(), into.root().canonicalize())
        && one == other
    {
        let message = format!("cannot import `{}` into itself", from.root().display());
        return Err(AppError::usage(
            message,
            "name the folder of another sweep, or another sweep with `--into`",
        ));
    }
    Ok(())
}

/// Reads the plan of the source, if it has one.
fn source_plan(from: &SweepDir) -> Result<Option<Plan>, AppError> {
    if !from.runs().is_dir() {
        let message = format!(
            "`{}` is not the results folder of a sweep: it has no folder `runs`",
            from.root().display()
        );
        return Err(AppError::usage(
            message,
            "give the folder of one sweep, such as `other/results/quickstart`",
        ));
    }
    // Each run has its own spec, so a damaged plan costs only the labels.
    Ok(Plan::read(&from.plan()).ok())
}

fn target_plan(into: &SweepDir) -> Result<Option<Plan>, AppError> {
    match Plan::read(&into.plan()) {
        Ok(plan) => Ok(Some(plan)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(AppError::bug(
            format!("`{}` is damaged: {e}", into.plan().display()),
            "run `isoflop run` with its sweep file, then import again",
        )),
    }
}

/// Name of the target sweep: the requested one, or that of the source.
fn target_name(
    into: Option<&str>,
    from: &SweepDir,
    there: Option<&Plan>,
) -> Result<String, AppError> {
    let own = || there.map_or_else(|| from.name(), |plan| plan.name.clone());
    let name = into.map_or_else(|| Ok(own()), sweep_name)?;
    if is_name(&name) {
        return Ok(name);
    }
    let message =
        format!("invalid sweep name `{name}`: expected up to 64 letters, digits, `_`, `-` and `.`");
    Err(AppError::usage(message, "name the sweep with `--into`"))
}

fn no_plan_error(from: &SweepDir, name: &str) -> AppError {
    let message = format!(
        "`{}` has no readable plan, and the sweep `{name}` to import its runs into has no results yet",
        from.root().display()
    );
    let hint =
        "start the sweep here with `isoflop run`, or name one that has results with `--into`";
    AppError::usage(message, hint)
}

fn labels(here: &Plan, there: Option<&Plan>) -> HashMap<String, String> {
    let plans = there.into_iter().chain([here]);
    plans
        .flat_map(|plan| &plan.runs)
        .map(|run| (run.id.to_string(), run.label()))
        .collect()
}
