//! The engines of a sweep: one, mostly.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::devices::Slot;
use super::engine::{Asked, Execution, Executor, SpawnError, Trouble};
use crate::exchange::dropped;
use isoflop_core::run::AttemptDir;

/// The engines of a sweep, by name. A slot is a seat of one of them; an attempt has the name of the one that began it in its folder, so that
/// the same goes on with it after a restart.
#[derive(Clone, Debug)]
pub struct Engines(Vec<(String, Arc<dyn Executor>)>);

impl Engines {
    /// The engines in their order, each with the key that it stands under in a sweep file. Several under one key are numbered.
    pub fn new(engines: impl IntoIterator<Item = (&'static str, Arc<dyn Executor>)>) -> Self {
        let (keys, engines): (Vec<_>, Vec<_>) = engines.into_iter().unzip();
        Self(engine_names(&keys).into_iter().zip(engines).collect())
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The name of one, counted from 0.
    pub fn name(&self, engine: usize) -> &str {
        &self.0[engine].0
    }

    /// Begins an attempt on a seat.
    ///
    /// # Errors
    /// [`SpawnError`]: it has not begun, and will not.
    pub fn begin(
        &self,
        attempt: &AttemptDir,
        slot: Slot,
        asked: watch::Receiver<Asked>,
    ) -> Result<Execution, SpawnError> {
        let (name, engine) = &self.0[slot.engine];
        // Before it begins: a coordinator that dies now leaves the next one what it must know.
        let named = std::fs::write(attempt.engine(), name);
        named.map_err(SpawnError::of(Path::new(name), attempt))?;
        engine.begin(attempt, slot.threads, asked)
    }

    /// Goes on with an attempt that an earlier coordinator began; nothing where its engine is not the sweep's any more.
    pub fn adopt(&self, attempt: &AttemptDir, asked: watch::Receiver<Asked>) -> Option<Execution> {
        self.0[self.of(attempt)?].1.adopt(attempt, asked)
    }

    /// The engine that began an attempt, counted from 0.
    pub fn of(&self, attempt: &AttemptDir) -> Option<usize> {
        let name = std::fs::read_to_string(attempt.engine());
        let name = dropped(name, "the name of its engine was not read")?;
        self.names().position(|known| known == name)
    }

    /// All that an earlier coordinator began and that this one goes on with is adopted.
    pub fn open(&self) {
        self.0.iter().for_each(|(_, engine)| engine.open());
    }

    /// What keeps each engine from its attempts, if anything does.
    pub fn troubles(&self) -> Vec<Option<Trouble>> {
        self.0.iter().map(|(_, engine)| engine.trouble()).collect()
    }

    /// Whether an attempt on a seat may wait before it begins.
    pub fn has_a_queue(&self, slot: Slot) -> bool {
        self.0[slot.engine].1.has_a_queue()
    }
}

/// What engines are called that stand under these keys, in this order: by their key, and numbered where it is another's before.
pub fn engine_names(keys: &[&str]) -> Vec<String> {
    let name = |(place, key): (usize, &&str)| match keys[..place]
        .iter()
        .filter(|other| *other == key)
        .count()
    {
        0 => (*key).to_owned(),
        before => format!("{key}-{}", before + 1),
    };
    keys.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_of_one_key_are_numbered() {
        assert_eq!(
            engine_names(&["slurm", "local", "slurm", "ray", "slurm"]),
            ["slurm", "local", "slurm-2", "ray", "slurm-3"]
        );
    }
}
