//! Taking over the finished runs of another results folder.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::sweep::named;
use super::{AppError, Listener};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{self, Imported, SweepLock, resume, take_over};
use isoflop_sweep::{Plan, is_name};

/// What is to be imported, and where.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Results folder of a sweep.
    pub from: PathBuf,
    /// Sweep file, or name of the sweep that its runs become part of; by itself the one of the same name.
    pub into: Option<String>,
    /// Folder of results.
    pub results: PathBuf,
}

/// An import that is done.
#[derive(Clone, Debug)]
pub struct Import {
    /// The sweep that took over the runs.
    pub sweep: String,
    /// Where they came from.
    pub from: SweepDir,
    /// What became of them.
    pub imported: Imported,
    /// Names for people of runs, by their identities, from either plan.
    pub labels: HashMap<String, String>,
    /// Where the sweep is new here: whether all that `isoflop resume` needs was there.
    pub whole: Option<bool>,
}

/// Takes over the finished runs of another results folder; what is done here stays.
///
/// # Errors
/// [`AppError`] where the folder is no sweep's, no plan says what its runs become part of, another session holds the sweep,
/// or a file cannot be read or written: what was imported before stays.
pub fn import(request: &ImportRequest, listener: &mut dyn Listener) -> Result<Import, AppError> {
    let from = SweepDir::at(&request.from);
    let there = plan_there(&from)?;
    let sweep = name(request.into.as_deref(), &from, there.as_ref())?;
    let into = SweepDir::new(&request.results, &sweep);
    check_apart(&from, &into)?;
    let here = plan_here(&into)?;
    let is_new = here.is_none();
    let renamed = |there: &Plan| Plan {
        name: sweep.clone(),
        ..there.clone()
    };
    let plan = here
        .or_else(|| there.as_ref().map(renamed))
        .ok_or_else(|| nothing_to_take_over(&from, &sweep))?;
    let _lock = SweepLock::take(&into)?;
    let whole = is_new.then(|| take_over(&from, &into, &plan)).transpose()?;
    let imported = coordinator::import(&from, &into, &plan, &mut |done, total| {
        listener.importing(done, total);
    })?;
    // The store learns of them as it would at the next start.
    resume(&into, &plan)?.close()?;
    Ok(Import {
        labels: labels(&plan, there.as_ref()),
        sweep,
        from,
        imported,
        whole,
    })
}

fn check_apart(from: &SweepDir, into: &SweepDir) -> Result<(), AppError> {
    if let (Ok(one), Ok(other)) = (from.root().canonicalize(), into.root().canonicalize())
        && one == other
    {
        let message = format!(
            "`{}` is the sweep that it would be imported into",
            from.root().display()
        );
        return Err(AppError::usage(
            message,
            "name the folder of another sweep, or another sweep with `--into`",
        ));
    }
    Ok(())
}

/// The plan of the other folder, which need not have one.
fn plan_there(from: &SweepDir) -> Result<Option<Plan>, AppError> {
    if !from.runs().is_dir() {
        let message = format!(
            "`{}` is no sweep's results folder: it has no folder `runs`",
            from.root().display()
        );
        return Err(AppError::usage(
            message,
            "name the folder of one sweep, such as `other/results/quickstart`",
        ));
    }
    // Runs tell by themselves what they are: a damaged plan takes no more than their names.
    Ok(Plan::read(&from.plan()).ok())
}

fn plan_here(into: &SweepDir) -> Result<Option<Plan>, AppError> {
    match Plan::read(&into.plan()) {
        Ok(plan) => Ok(Some(plan)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(AppError::bug(
            format!("`{}` is damaged: {e}", into.plan().display()),
            "run `isoflop run` with its sweep file, then import again",
        )),
    }
}

/// The sweep to import into: the one asked for, or the one of the same name.
fn name(into: Option<&str>, from: &SweepDir, there: Option<&Plan>) -> Result<String, AppError> {
    let own = || there.map_or_else(|| from.name(), |plan| plan.name.clone());
    let name = into.map_or_else(|| Ok(own()), named)?;
    if is_name(&name) {
        return Ok(name);
    }
    let message =
        format!("`{name}` is no sweep's name: up to 64 letters, digits, `_`, `-` and `.`");
    Err(AppError::usage(message, "name the sweep with `--into`"))
}

fn nothing_to_take_over(from: &SweepDir, name: &str) -> AppError {
    let message = format!(
        "`{}` has no plan that can be read, and there is no sweep `{name}` yet to import its runs into",
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
