//! Settings that the coordinator needs from every engine.

use super::{EngineSlots, JobDevice, StorageSettings};
use crate::error::ValueError;
use crate::{LocatedValue, WholeNumber};

/// Settings of one engine.
pub(super) trait EngineSettings {
    /// Settings shared by engines whose runs train on other machines; `None` for this machine.
    fn jobs(&self) -> Option<JobSettings<'_>>;

    /// Checks the values, except those of [`EngineSettings::jobs`].
    fn check(&self) -> Result<(), ValueError>;
}

/// Settings of an engine whose runs train on other machines.
pub(super) struct JobSettings<'a> {
    pub(super) device: JobDevice,
    pub(super) threads_per_run: &'a LocatedValue<WholeNumber>,
    pub(super) max_pending: &'a LocatedValue<WholeNumber>,
    /// Storage for jobs that share no file system with this machine.
    pub(super) storage: Option<&'a StorageSettings>,
    /// True if runs continue after isoflop exits, and deliver their files without it.
    pub(super) outlive_coordinator: bool,
}

impl JobSettings<'_> {
    pub(super) fn slots(&self) -> EngineSlots {
        EngineSlots {
            device: self.device,
            threads: self.threads_per_run.value.0 as u32,
            count: self.max_pending.value.0 as usize,
        }
    }

    pub(super) fn check(&self) -> Result<(), ValueError> {
        self.threads_per_run.within("`threads_per_run`", 1..=1024)?;
        self.max_pending.within("`max_pending`", 1..=10_000)?;
        self.storage.map_or(Ok(()), StorageSettings::check)
    }
}
