//! Observer of a drive, for its display.

use crate::coordinator::schedule::SlotIndex;
use crate::store::{AttemptFailure, RunRecord};
use isoflop_core::run::{Outcome, TrainerEvent as RunEvent};
use isoflop_sweep::PlannedRun;

/// Receives the events of a drive, to display them.
pub trait Observer {
    /// A run was started in a slot, or waits for its engine to start it.
    fn started(&mut self, slot: SlotIndex, run: &PlannedRun, attempt: u32, waits: bool);
    /// A waiting run has started.
    fn began(&mut self, slot: SlotIndex, run: &PlannedRun);
    /// A running attempt reported a new event.
    fn advanced(&mut self, slot: SlotIndex, run: &PlannedRun, event: &RunEvent);
    /// An outcome was committed.
    fn committed(&mut self, slot: SlotIndex, run: &PlannedRun, outcome: &Outcome);
    /// An attempt failed; `record` is the run's new state.
    fn failed(
        &mut self,
        slot: SlotIndex,
        run: &PlannedRun,
        failure: &AttemptFailure,
        record: &RunRecord,
    );
    /// A run that was in no slot changed at the user's request.
    fn changed(&mut self, run: &PlannedRun, record: &RunRecord);
    /// Too little disk space to start a run, or enough again.
    fn disk(&mut self, room: DiskRoom);
    /// An outage of the engine with this name and its description, or the end of one.
    fn outage(&mut self, engine: &str, words: &str, is_over: bool);
    /// Time passed.
    fn tick(&mut self);
    /// The user stops the drive; `again` the second time, which does not wait for checkpoints.
    fn interrupted(&mut self, again: bool);
}

/// Space on the disk that has the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Free bytes.
    pub free: u64,
    /// Bytes below which no run is started.
    pub reserve: u64,
}

impl DiskRoom {
    /// Reports whether too little is free to start a run.
    pub fn is_low(self) -> bool {
        self.free < self.reserve
    }
}
