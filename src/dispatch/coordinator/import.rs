//! Import of finished runs from another results folder, of a sweep that was trained on two machines
//! or moved.
//!
//! A run is copied under a temporary name, synced and then renamed, so that a crash leaves no
//! half-copied run. A repeated import continues. A run that is done here is never replaced: a run
//! has one result.

use std::collections::HashSet;
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};

use super::leftovers::drop_checkpoints;
use crate::exchange::dropped;
use isoflop_core::run::{
    Outcome, RunDir, RunId, RunSpec, SweepDir, WriteError, if_exists, read_digest, unwritable,
    write_json, write_streamed,
};
use isoflop_sweep::Plan;

/// Result of an import.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportedRuns {
    /// Runs that are done here now.
    pub imported: Vec<RunId>,
    /// Runs that were done here already; the outcomes here are kept.
    pub already_done: usize,
    /// Those of them whose outcome differs in the other folder, the largest difference first.
    pub differing: Vec<OutcomeDifference>,
    /// Folders without an outcome.
    pub not_finished: usize,
    /// Skipped folders, each with the reason.
    pub damaged: Vec<(String, String)>,
    /// Imported runs that are not in the plan here.
    pub not_in_plan: Vec<RunId>,
}

/// A run with two different outcomes.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeDifference {
    /// The run.
    pub run: RunId,
    /// The outcome that is kept.
    pub here: Outcome,
    /// The outcome that is discarded.
    pub there: Outcome,
}

impl OutcomeDifference {
    /// Absolute difference of the losses, nats/token; `None` if one of them diverged.
    pub fn nats(&self) -> Option<f64> {
        Some((self.here.loss()? - self.there.loss()?).abs())
    }
}

/// A failed import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The other folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The folder of this sweep cannot be written to.
    #[error("{0}")]
    Unwritable(#[from] WriteError),
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> ImportError + use<> {
    let path = path.to_owned();
    |source| ImportError::Unreadable { path, source }
}

/// Copies the files of a sweep other than its runs: token files, sweep file and plan.
///
/// The plan comes last: it is what makes the folder a sweep's. Returns true if no file was missing
/// or damaged.
///
/// # Errors
/// [`ImportError`].
pub fn copy_sweep_files(
    from: &SweepDir,
    into: &SweepDir,
    plan: &Plan,
) -> Result<bool, ImportError> {
    fs::create_dir_all(into.data()).map_err(unwritable(&into.data()))?;
    let mut whole = from.sweep_file().is_file();
    if whole {
        copy_whole(&from.sweep_file(), &into.sweep_file())?;
    }
    let data = plan.runs.iter().map(|run| &run.spec.data);
    let digests: HashSet<&String> = data
        .flat_map(|data| [&data.train_digest, &data.validation_digest])
        .collect();
    for digest in digests {
        let tokens = from.tokens(digest);
        let found = dropped(read_digest(&tokens), "failed to read tokens");
        if found.as_ref() == Some(digest) {
            copy_whole(&tokens, &into.tokens(digest))?;
        } else {
            whole = false;
        }
    }
    plan.write(&into.plan()).map_err(unwritable(&into.plan()))?;
    Ok(whole)
}

/// Imports the finished runs of `from`.
///
/// The caller holds the lock of `into`, whose plan is `plan`. `progress` receives the number of
/// folders done, and of all folders.
///
/// # Errors
/// [`ImportError`]; the runs imported before it are kept.
pub fn import(
    from: &SweepDir,
    into: &SweepDir,
    plan: &Plan,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ImportedRuns, ImportError> {
    clear(into)?;
    let imported = all(from, into, progress);
    // Also after a failure: half-copied runs take disk space.
    clear(into)?;
    let mut imported = imported?;
    let wanted: HashSet<&RunId> = plan.runs.iter().map(|run| &run.id).collect();
    let others = imported.imported.iter().filter(|id| !wanted.contains(id));
    imported.not_in_plan = others.cloned().collect();
    // A run that diverged on one side only counts as the largest difference.
    let nats = |difference: &OutcomeDifference| difference.nats().unwrap_or(f64::INFINITY);
    let differing = &mut imported.differing;
    differing.sort_by(|a, b| nats(b).total_cmp(&nats(a)));
    Ok(imported)
}

fn all(
    from: &SweepDir,
    into: &SweepDir,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ImportedRuns, ImportError> {
    let mut result = ImportedRuns::default();
    let folders = folders(&from.runs())?;
    for (place, folder) in folders.iter().enumerate() {
        progress(place, folders.len());
        let there = RunDir::at(from.runs().join(folder));
        match finished(&there, folder) {
            Ok(Some(run)) => match one(&there, into, run, &mut result) {
                Err(unreadable @ ImportError::Unreadable { .. }) => {
                    let reason = unreadable.to_string();
                    result.damaged.push((folder.clone(), reason));
                }
                other => other?,
            },
            Ok(None) => result.not_finished += 1,
            Err(reason) => result.damaged.push((folder.clone(), reason)),
        }
    }
    progress(folders.len(), folders.len());
    Ok(result)
}

/// Removes the leftovers of an import that was stopped.
fn clear(into: &SweepDir) -> Result<(), WriteError> {
    let removed = if_exists(fs::remove_dir_all(into.importing()));
    removed.map(drop).map_err(unwritable(&into.importing()))
}

/// Lists the entries of a folder.
fn entries(folder: &Path) -> Result<Vec<DirEntry>, ImportError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect);
    entries.map_err(unreadable(folder))
}

fn folders(runs: &Path) -> Result<Vec<String>, ImportError> {
    let name = |entry: DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries(runs)?.into_iter().map(name).collect();
    names.sort();
    Ok(names)
}

struct FinishedRun {
    id: RunId,
    spec: RunSpec,
    outcome: Outcome,
}

/// Reads the run of a folder, if it is done.
///
/// # Errors
/// The reason why the folder is skipped, for people.
fn finished(run: &RunDir, folder: &str) -> Result<Option<FinishedRun>, String> {
    if !run.outcome().exists() {
        return Ok(None);
    }
    let spec = fs::read(run.spec()).map_err(|e| format!("cannot read its spec: {e}"))?;
    let spec = serde_json::from_slice(&spec);
    let spec: RunSpec = spec.map_err(|e| format!("its spec is damaged: {e}"))?;
    let id = spec.id();
    if id.as_str() != folder {
        return Err(format!("its spec is that of run {id}"));
    }
    let outcome = Outcome::read_committed(run, &id, &spec).map_err(|e| e.to_string())?;
    Ok(Some(FinishedRun { id, spec, outcome }))
}

fn one(
    there: &RunDir,
    into: &SweepDir,
    run: FinishedRun,
    result: &mut ImportedRuns,
) -> Result<(), ImportError> {
    if let Ok(here) = Outcome::read_committed(&into.run(&run.id), &run.id, &run.spec) {
        result.already_done += 1;
        if ending(&here) != ending(&run.outcome) {
            result.differing.push(OutcomeDifference {
                run: run.id,
                here,
                there: run.outcome,
            });
        }
        return Ok(());
    }
    let here = into.run(&run.id);
    let number = free_number(&here, run.outcome.attempt);
    let staged = stage(there, into, &run, number)?;
    place(&staged, &here, number)?;
    result.imported.push(run.id);
    Ok(())
}

/// The part of an outcome that two copies must agree in: the bits of the loss, if there is one.
fn ending(outcome: &Outcome) -> Option<u64> {
    outcome.loss().map(f64::to_bits)
}

/// The attempt's number, or the next one that no failed attempt here uses.
fn free_number(here: &RunDir, number: u32) -> u32 {
    (number..)
        .find(|number| !here.attempt(*number).root().exists())
        .unwrap_or(number)
}

/// Copies a run, synced, into a folder that is not listed with the runs.
fn stage(
    there: &RunDir,
    into: &SweepDir,
    run: &FinishedRun,
    number: u32,
) -> Result<RunDir, ImportError> {
    let staged = into.importing_run(&run.id);
    let attempt = staged.attempt(number);
    copy_folder(there.attempt(run.outcome.attempt).root(), attempt.root())?;
    let outcome = Outcome {
        attempt: number,
        ..run.outcome.clone()
    };
    if number != run.outcome.attempt {
        write_json(&attempt.outcome(), &outcome).map_err(unwritable(&attempt.outcome()))?;
    }
    write_json(&staged.outcome(), &outcome).map_err(unwritable(&staged.outcome()))?;
    write_json(&staged.spec(), &run.spec).map_err(unwritable(&staged.spec()))?;
    sync(&staged.attempts())?;
    Ok(staged)
}

/// Moves a staged run into place.
///
/// If the run has a folder here, its outcome comes last: that rename is the commit.
fn place(staged: &RunDir, here: &RunDir, number: u32) -> Result<(), WriteError> {
    if !here.root().exists() {
        return rename(staged.root(), here.root());
    }
    fs::create_dir_all(here.attempts()).map_err(unwritable(&here.attempts()))?;
    rename(staged.attempt(number).root(), here.attempt(number).root())?;
    rename(&staged.spec(), &here.spec())?;
    rename(&staged.outcome(), &here.outcome())?;
    drop_checkpoints(here);
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), WriteError> {
    fs::rename(from, to).map_err(unwritable(to))?;
    to.parent().map_or(Ok(()), sync)
}

/// Syncs the entries of a folder to the disk.
fn sync(folder: &Path) -> Result<(), WriteError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(unwritable(folder))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), ImportError> {
    fs::create_dir_all(to).map_err(unwritable(to))?;
    for entry in entries(from)? {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(unreadable(&path))?;
        // Skip everything else: reading a pipe, say, would block forever.
        if kind.is_dir() {
            copy_folder(&path, &target)?;
        } else if kind.is_file() {
            let mut source = File::open(&path).map_err(unreadable(&path))?;
            let mut file = File::create(&target).map_err(unwritable(&target))?;
            io::copy(&mut source, &mut file)
                .and_then(|_| file.sync_all())
                .map_err(unwritable(&target))?;
        }
    }
    Ok(sync(to)?)
}

/// Copies a file so that it appears complete, for files outside of a folder that is renamed as a
/// whole.
fn copy_whole(from: &Path, to: &Path) -> Result<(), ImportError> {
    let mut source = File::open(from).map_err(unreadable(from))?;
    let copied = write_streamed(to, |target| io::copy(&mut source, target).map(drop));
    Ok(copied.map_err(unwritable(to))?)
}
