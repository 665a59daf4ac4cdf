//! Who is told what happens.

use crate::coordinator::schedule::SlotIndex;
use crate::store::{Failure, Record};
use isoflop_core::run::{Event as RunEvent, Outcome};
use isoflop_sweep::PlannedRun;

/// Told what happens, to show it.
pub trait Observer {
    /// A run was started in a slot, or waits for its engine to begin it.
    fn started(&mut self, slot: SlotIndex, run: &PlannedRun, attempt: u32, waits: bool);
    /// A run that waited has begun.
    fn began(&mut self, slot: SlotIndex, run: &PlannedRun);
    /// A running attempt said something new.
    fn advanced(&mut self, slot: SlotIndex, run: &PlannedRun, event: &RunEvent);
    /// An outcome was committed.
    fn committed(&mut self, slot: SlotIndex, run: &PlannedRun, outcome: &Outcome);
    /// An attempt failed; how its run stands since.
    fn failed(&mut self, slot: SlotIndex, run: &PlannedRun, failure: &Failure, record: &Record);
    /// A run that was in no slot changed on the user's wish.
    fn changed(&mut self, run: &PlannedRun, record: &Record);
    /// There is too little room on the disk to start a run, or enough again.
    fn disk(&mut self, room: DiskRoom);
    /// What keeps an engine, by its name, from its runs, in words; or that it does no more.
    fn trouble(&mut self, engine: &str, words: &str, is_over: bool);
    /// Time passed.
    fn tick(&mut self);
    /// Stopping on the user's wish; `again` if it was wished before, and nothing is waited for any more.
    fn interrupted(&mut self, again: bool);
}

/// Room on the disk that holds the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes below which no run is started.
    pub reserve: u64,
}

impl DiskRoom {
    /// Whether no run is started.
    pub fn is_low(self) -> bool {
        self.free < self.reserve
    }
}
