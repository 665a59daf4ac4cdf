//! What the coordinator asks of every engine's settings.

use super::{JobDevice, Seats, Storage};
use crate::error::Fault;
use crate::{At, Count};

/// An engine's own settings, which answer for it.
pub(super) trait Settings {
    /// What it has in common with others whose runs train on other machines; nothing where they train on this one.
    fn jobs(&self) -> Option<Jobs<'_>>;

    /// Refuses values that make no sense, but for those of [`Settings::jobs`].
    fn check(&self) -> Result<(), Fault>;
}

/// Settings of an engine whose runs train on other machines.
pub(super) struct Jobs<'a> {
    pub(super) device: JobDevice,
    pub(super) threads_per_run: &'a At<Count>,
    pub(super) max_pending: &'a At<Count>,
    /// By which attempts are exchanged with jobs that share no file system with this machine.
    pub(super) storage: Option<&'a Storage>,
    /// Whether runs go on where isoflop ends, and deliver without it.
    pub(super) outlive_coordinator: bool,
}

impl Jobs<'_> {
    pub(super) fn seats(&self) -> Seats {
        Seats {
            device: self.device,
            threads: self.threads_per_run.value.0 as u32,
            count: self.max_pending.value.0 as usize,
        }
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        self.threads_per_run.within("`threads_per_run`", 1..=1024)?;
        self.max_pending.within("`max_pending`", 1..=10_000)?;
        self.storage.map_or(Ok(()), Storage::check)
    }
}
