//! The engines of a sweep.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::devices::Slot;
use super::engine::{Execution, Executor, Outage, SpawnError, StopRequest};
use crate::exchange::dropped;
use isoflop_core::run::AttemptDir;

/// Engines of a sweep, by name. Each slot belongs to one engine. An attempt's folder names the
/// engine that started it, so that the same engine adopts it after a restart.
#[derive(Clone, Debug)]
pub struct Engines(Vec<(String, Arc<dyn Executor>)>);

impl Engines {
    /// Names engines by their keys in the sweep file, in order. Engines with the same key are
    /// numbered.
    pub fn new(engines: impl IntoIterator<Item = (&'static str, Arc<dyn Executor>)>) -> Self {
        let (keys, engines): (Vec<_>, Vec<_>) = engines.into_iter().unzip();
        Self(engine_names(&keys).into_iter().zip(engines).collect())
    }

    /// Names of the engines.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Name of the engine with this index, from 0.
    pub fn name(&self, engine: usize) -> &str {
        &self.0[engine].0
    }

    /// Starts an attempt on a slot.
    ///
    /// # Errors
    /// [`SpawnError`]: the attempt has not started, and will not.
    pub fn begin(
        &self,
        attempt: &AttemptDir,
        slot: Slot,
        asked: watch::Receiver<StopRequest>,
    ) -> Result<Execution, SpawnError> {
        let (name, engine) = &self.0[slot.engine];
        // Written before the start. Otherwise the next coordinator could not adopt the attempt if
        // this one is killed now.
        let named = std::fs::write(attempt.engine(), name);
        named.map_err(SpawnError::of(Path::new(name), attempt))?;
        engine.begin(attempt, slot.threads, asked)
    }

    /// Continues to follow an attempt that an earlier coordinator started. `None` if the sweep no
    /// longer has its engine.
    pub fn adopt(
        &self,
        attempt: &AttemptDir,
        asked: watch::Receiver<StopRequest>,
    ) -> Option<Execution> {
        self.0[self.of(attempt)?].1.adopt(attempt, asked)
    }

    /// Index of the engine that started an attempt, from 0.
    pub fn of(&self, attempt: &AttemptDir) -> Option<usize> {
        let name = std::fs::read_to_string(attempt.engine());
        let name = dropped(name, "cannot read the engine of an attempt")?;
        self.names().position(|known| known == name)
    }

    /// Signals that all attempts of an earlier coordinator are adopted.
    pub fn open(&self) {
        self.0.iter().for_each(|(_, engine)| engine.open());
    }

    /// Current outage of each engine, if any.
    pub fn outages(&self) -> Vec<Option<Outage>> {
        self.0.iter().map(|(_, engine)| engine.outage()).collect()
    }

    /// Reports whether an attempt on a slot may wait in a queue before it starts.
    pub fn has_a_queue(&self, slot: Slot) -> bool {
        self.0[slot.engine].1.has_a_queue()
    }
}

/// Names of engines with these keys, in order. A repeated key gets a number, such as `slurm-2`.
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
