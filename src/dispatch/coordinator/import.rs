//! Taking over finished runs from another results folder: of a sweep that was trained on two machines, or moved.
//!
//! A run is copied under another name, synced and then renamed, so that a crash leaves none that is half there; doing
//! it again goes on. What is done here is never replaced: a run has one result.

use std::collections::HashSet;
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};

use super::leftovers::drop_checkpoints;
use crate::exchange::dropped;
use isoflop_core::run::{
    Outcome, RunDir, RunId, RunSpec, SweepDir, Unwritable, if_there, read_digest, unwritable,
    write_json, write_streamed,
};
use isoflop_sweep::Plan;

/// What became of the runs of another folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Runs that are done here now.
    pub imported: Vec<RunId>,
    /// Runs that were done here already: ours are kept.
    pub there_already: usize,
    /// Of these, those that ended otherwise there, the largest difference first.
    pub differing: Vec<Difference>,
    /// Folders without an outcome.
    pub not_finished: usize,
    /// Folders that are left out, each with the reason.
    pub damaged: Vec<(String, String)>,
    /// Runs that were imported and that the plan here does not ask for.
    pub not_wanted: Vec<RunId>,
}

/// One run that ended in two ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The run.
    pub run: RunId,
    /// What is kept.
    pub here: Outcome,
    /// What is not.
    pub there: Outcome,
}

impl Difference {
    /// By how much the losses differ, nats/token; nothing where one diverged.
    pub fn nats(&self) -> Option<f64> {
        Some((self.here.loss()? - self.there.loss()?).abs())
    }
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The other folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This one cannot be written to.
    #[error("{0}")]
    Unwritable(#[from] Unwritable),
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> ImportError + use<> {
    let path = path.to_owned();
    |source| ImportError::Unreadable { path, source }
}

/// Copies what a sweep is beside its runs: the text as tokens, the sweep file, and at last the plan, which is what makes
/// the folder a sweep's. Returns whether all of it was there.
///
/// # Errors
/// [`ImportError`].
pub fn take_over(from: &SweepDir, into: &SweepDir, plan: &Plan) -> Result<bool, ImportError> {
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
        let found = dropped(read_digest(&tokens), "tokens were not read");
        if found.as_ref() == Some(digest) {
            copy_whole(&tokens, &into.tokens(digest))?;
        } else {
            whole = false;
        }
    }
    plan.write(&into.plan()).map_err(unwritable(&into.plan()))?;
    Ok(whole)
}

/// Imports the finished runs of `from`. The caller holds the lock of `into`, whose plan is `plan`; `progress` hears how many
/// folders are done, of how many.
///
/// # Errors
/// [`ImportError`]; what was imported before it stays.
pub fn import(
    from: &SweepDir,
    into: &SweepDir,
    plan: &Plan,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Imported, ImportError> {
    clear(into)?;
    let imported = all(from, into, progress);
    // After a failure too: what is half copied takes room.
    clear(into)?;
    let mut imported = imported?;
    let wanted: HashSet<&RunId> = plan.runs.iter().map(|run| &run.id).collect();
    let others = imported.imported.iter().filter(|id| !wanted.contains(id));
    imported.not_wanted = others.cloned().collect();
    // A divergence on one side only counts as the largest of differences.
    let nats = |difference: &Difference| difference.nats().unwrap_or(f64::INFINITY);
    let differing = &mut imported.differing;
    differing.sort_by(|a, b| nats(b).total_cmp(&nats(a)));
    Ok(imported)
}

fn all(
    from: &SweepDir,
    into: &SweepDir,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Imported, ImportError> {
    let mut result = Imported::default();
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

/// What an earlier import left when it was stopped.
fn clear(into: &SweepDir) -> Result<(), Unwritable> {
    let removed = if_there(fs::remove_dir_all(into.importing()));
    removed.map(drop).map_err(unwritable(&into.importing()))
}

/// What lies in a folder.
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

struct Finished {
    id: RunId,
    spec: RunSpec,
    outcome: Outcome,
}

/// The run of a folder if it is done.
///
/// # Errors
/// Why it is left out, in words: where it cannot be told, or is not to be trusted.
fn finished(run: &RunDir, folder: &str) -> Result<Option<Finished>, String> {
    if !run.outcome().exists() {
        return Ok(None);
    }
    let spec = fs::read(run.spec()).map_err(|e| format!("its spec cannot be read: {e}"))?;
    let spec = serde_json::from_slice(&spec);
    let spec: RunSpec = spec.map_err(|e| format!("its spec is damaged: {e}"))?;
    let id = spec.id();
    if id.as_str() != folder {
        return Err(format!("its spec is that of run {id}"));
    }
    let outcome = Outcome::committed(run, &id, &spec).map_err(|e| e.to_string())?;
    Ok(Some(Finished { id, spec, outcome }))
}

fn one(
    there: &RunDir,
    into: &SweepDir,
    run: Finished,
    result: &mut Imported,
) -> Result<(), ImportError> {
    if let Ok(here) = Outcome::committed(&into.run(&run.id), &run.id, &run.spec) {
        result.there_already += 1;
        if ending(&here) != ending(&run.outcome) {
            result.differing.push(Difference {
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

/// What two outcomes of a run must agree in: the bits of the loss, or that there is none.
fn ending(outcome: &Outcome) -> Option<u64> {
    outcome.loss().map(f64::to_bits)
}

/// The attempt's own number, or the next one where an attempt of ours that did not end well has it.
fn free_number(here: &RunDir, number: u32) -> u32 {
    (number..)
        .find(|number| !here.attempt(*number).root().exists())
        .unwrap_or(number)
}

/// Copies a run, all of it synced, where nobody looks for runs.
fn stage(
    there: &RunDir,
    into: &SweepDir,
    run: &Finished,
    number: u32,
) -> Result<RunDir, ImportError> {
    let staged = into.run_in_the_making(&run.id);
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

/// Gives a staged run its name. Where the run was begun here, its outcome comes last: that rename is the commit.
fn place(staged: &RunDir, here: &RunDir, number: u32) -> Result<(), Unwritable> {
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

fn rename(from: &Path, to: &Path) -> Result<(), Unwritable> {
    fs::rename(from, to).map_err(unwritable(to))?;
    to.parent().map_or(Ok(()), sync)
}

/// The entries of a folder are on the disk.
fn sync(folder: &Path) -> Result<(), Unwritable> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(unwritable(folder))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), ImportError> {
    fs::create_dir_all(to).map_err(unwritable(to))?;
    for entry in entries(from)? {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(unreadable(&path))?;
        // Nothing else is an attempt's: a pipe, say, would be read for ever.
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

/// A copy that appears whole, for files that are not within a folder that does.
fn copy_whole(from: &Path, to: &Path) -> Result<(), ImportError> {
    let mut source = File::open(from).map_err(unreadable(from))?;
    let copied = write_streamed(to, |target| io::copy(&mut source, target).map(drop));
    Ok(copied.map_err(unwritable(to))?)
}
