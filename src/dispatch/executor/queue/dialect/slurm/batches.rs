//! The batches of a sweep, as their manifests in the results tell.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::batch::{Batch, is_ours};
use crate::exchange::{BackendError, dropped};
use isoflop_core::run::{AttemptDir, BatchDir, SweepDir, unwritable, write_whole};

/// An array's name, and a task of it.
pub(super) type Place = (String, usize);

/// A batch that many hold.
pub(super) type Shared = Arc<Batch>;

/// The batches whose manifests lie in a sweep's folder: no others are its.
#[derive(Debug)]
pub(super) struct Batches {
    sweep: SweepDir,
    /// Those that were read.
    known: Mutex<BTreeMap<String, Shared>>,
}

impl Batches {
    pub(super) fn new(sweep: SweepDir) -> Self {
        Self {
            sweep,
            known: Mutex::default(),
        }
    }

    pub(super) fn folder(&self, name: &str) -> BatchDir {
        self.sweep.batch(name)
    }

    /// Writes what tells of a batch.
    ///
    /// # Errors
    /// [`BackendError::Unwritable`].
    pub(super) fn add(&self, batch: Batch) -> Result<Shared, BackendError> {
        let folder = self.folder(&batch.name);
        let write = |path: &std::path::Path, text: String| write_whole(path, text.as_bytes());
        let written = std::fs::create_dir_all(folder.root())
            .and_then(|()| write(&folder.job(), batch.script(&folder.tasks())))
            .and_then(|()| write(&folder.tasks(), batch.manifest()));
        let written = written.map_err(unwritable(folder.root()));
        written.map_err(|error| BackendError::Unwritable(error.to_string()))?;
        let batch = Shared::new(batch);
        self.known.lock().insert(batch.name.clone(), batch.clone());
        Ok(batch)
    }

    /// The batch of an array of this name; nothing if it is another's.
    pub(super) fn get(&self, name: &str) -> Option<Shared> {
        if let Some(batch) = self.known.lock().get(name) {
            return Some(batch.clone());
        }
        if !is_ours(name) {
            return None;
        }
        let manifest = std::fs::read_to_string(self.folder(name).tasks());
        let manifest = dropped(manifest, "a manifest was not read")?;
        let batch = Shared::new(Batch::read(name, &manifest)?);
        self.known.lock().insert(name.to_owned(), batch.clone());
        Some(batch)
    }

    /// Which task a tag is.
    pub(super) fn place(&self, tag: &str) -> Option<Place> {
        self.names().into_iter().find_map(|name| {
            let task = self.get(&name)?.task(tag)?;
            Some((name, task))
        })
    }

    /// Removes what is left of batches of which Slurm knows no task, and every attempt has left word of its end, or has a successor: they
    /// are asked for no more. What cannot be removed costs only space.
    pub(super) fn sweep_up(&self, live: &HashSet<String>) {
        for name in self.names().into_iter().filter(|name| !live.contains(name)) {
            if self.get(&name).is_some_and(|batch| is_over(&batch)) {
                self.known.lock().remove(&name);
                let removed = std::fs::remove_dir_all(self.folder(&name).root());
                dropped(removed, "a batch was not removed");
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.sweep.batches())
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_ours(name))
            .collect()
    }
}

fn is_over(batch: &Batch) -> bool {
    batch.folders().all(|folder| {
        let attempt = AttemptDir::at(folder.to_owned());
        attempt.end().exists() || attempt.is_superseded()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::queue::job::Job;

    /// Batches are told of by their files, and kept until nobody can ask for them.
    #[test]
    fn batches_are_kept_until_they_are_over() {
        let folder = tempfile::tempdir().unwrap();
        let sweep = SweepDir::at(folder.path());
        let attempts = ["a", "b"].map(|run| sweep.run_named(run).attempt(1));
        let jobs = attempts.clone().map(|attempt| {
            std::fs::create_dir_all(attempt.root()).unwrap();
            let (tag, script) = (
                format!("isoflop-{}", attempt.root().display()),
                attempt.job(),
            );
            Job {
                tag,
                script,
                folder: attempt.root().to_owned(),
                threads: 1,
                command: None,
            }
        });
        let name = Batches::new(sweep.clone())
            .add(Batch::of(&jobs).unwrap())
            .unwrap()
            .name
            .clone();

        let batches = Batches::new(sweep.clone());
        assert_eq!(batches.place(&jobs[1].tag), Some((name.clone(), 1)));
        assert_eq!(batches.place("isoflop-other"), None);
        let none = HashSet::new();
        let is_kept = || sweep.batch(&name).tasks().exists();
        std::fs::write(attempts[0].end(), "").unwrap();
        batches.sweep_up(&none);
        assert!(is_kept(), "an attempt has left no word");
        std::fs::create_dir_all(sweep.run_named("b").attempt(2).root()).unwrap();
        batches.sweep_up(&HashSet::from([name.clone()]));
        assert!(is_kept(), "Slurm knows it");
        batches.sweep_up(&none);
        assert!(!is_kept());
        assert!(batches.get(&name).is_none());
    }
}
