//! Batches of a sweep, read from their manifests in the results folder.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::batch::{SlurmBatch, is_ours};
use crate::exchange::{BackendError, dropped};
use isoflop_core::run::{AttemptDir, BatchDir, SweepDir, unwritable, write_atomic};

/// Name of an array, and number of a task.
pub(super) type ArrayTask = (String, usize);

/// A batch with shared ownership.
pub(super) type SharedBatch = Arc<SlurmBatch>;

/// Batches of a sweep: those with a manifest in its folder.
#[derive(Debug)]
pub(super) struct SlurmBatches {
    sweep: SweepDir,
    /// Batches that were read, by name.
    known: Mutex<BTreeMap<String, SharedBatch>>,
}

impl SlurmBatches {
    pub(super) fn new(sweep: SweepDir) -> Self {
        Self {
            sweep,
            known: Mutex::default(),
        }
    }

    pub(super) fn folder(&self, name: &str) -> BatchDir {
        self.sweep.batch(name)
    }

    /// Writes the script and the manifest of a batch.
    ///
    /// # Errors
    /// [`BackendError::Unwritable`].
    pub(super) fn add(&self, batch: SlurmBatch) -> Result<SharedBatch, BackendError> {
        let folder = self.folder(&batch.name);
        let write = |path: &std::path::Path, text: String| write_atomic(path, text.as_bytes());
        let written = std::fs::create_dir_all(folder.root())
            .and_then(|()| write(&folder.job(), batch.script(&folder.tasks())))
            .and_then(|()| write(&folder.tasks(), batch.manifest()));
        let written = written.map_err(unwritable(folder.root()));
        written.map_err(|error| BackendError::Unwritable(error.to_string()))?;
        let batch = SharedBatch::new(batch);
        self.known.lock().insert(batch.name.clone(), batch.clone());
        Ok(batch)
    }

    /// Finds the batch of an array by its name. `None` if it is not of this sweep.
    pub(super) fn get(&self, name: &str) -> Option<SharedBatch> {
        if let Some(batch) = self.known.lock().get(name) {
            return Some(batch.clone());
        }
        if !is_ours(name) {
            return None;
        }
        let manifest = std::fs::read_to_string(self.folder(name).tasks());
        let manifest = dropped(manifest, "cannot read a manifest")?;
        let batch = SharedBatch::new(SlurmBatch::read(name, &manifest)?);
        self.known.lock().insert(name.to_owned(), batch.clone());
        Some(batch)
    }

    /// Finds the array and the task of a tag.
    pub(super) fn place(&self, tag: &str) -> Option<ArrayTask> {
        self.names().into_iter().find_map(|name| {
            let task = self.get(&name)?.task(tag)?;
            Some((name, task))
        })
    }

    /// Removes the files of batches that are over: Slurm lists none of their tasks, and each
    /// attempt has written its end or has a successor. A failure costs only space.
    pub(super) fn remove_finished(&self, live: &HashSet<String>) {
        for name in self.names().into_iter().filter(|name| !live.contains(name)) {
            if self.get(&name).is_some_and(|batch| is_over(&batch)) {
                self.known.lock().remove(&name);
                let removed = std::fs::remove_dir_all(self.folder(&name).root());
                dropped(removed, "cannot remove a batch");
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

fn is_over(batch: &SlurmBatch) -> bool {
    batch.folders().all(|folder| {
        let attempt = AttemptDir::at(folder.to_owned());
        attempt.end().exists() || attempt.is_superseded()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::queue::job::QueueJob;

    /// Batches are found by their files, which are kept until the batch is over.
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
            QueueJob {
                tag,
                script,
                folder: attempt.root().to_owned(),
                threads: 1,
                command: None,
            }
        });
        let name = SlurmBatches::new(sweep.clone())
            .add(SlurmBatch::of(&jobs).unwrap())
            .unwrap()
            .name
            .clone();

        let batches = SlurmBatches::new(sweep.clone());
        assert_eq!(batches.place(&jobs[1].tag), Some((name.clone(), 1)));
        assert_eq!(batches.place("isoflop-other"), None);
        let none = HashSet::new();
        let is_kept = || sweep.batch(&name).tasks().exists();
        std::fs::write(attempts[0].end(), "").unwrap();
        batches.remove_finished(&none);
        assert!(is_kept(), "an attempt has not ended");
        std::fs::create_dir_all(sweep.run_named("b").attempt(2).root()).unwrap();
        batches.remove_finished(&HashSet::from([name.clone()]));
        assert!(is_kept(), "Slurm lists it");
        batches.remove_finished(&none);
        assert!(!is_kept());
        assert!(batches.get(&name).is_none());
    }
}
