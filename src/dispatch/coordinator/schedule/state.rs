//! State of the schedule.

use std::collections::BTreeSet;

use super::facts::{
    AttemptId, MonotonicTime, RunFacts, RunIndex, SchedulePolicy, SlotCapacity, SlotIndex, ranks,
};
use super::queue::RunQueue;
use super::verdict::MemoryUse;
use crate::store::{AttemptFailure, Lease, RunRecord, RunState};

/// Everything that a decision depends on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScheduleState {
    /// The state of each run, in the plan's order.
    pub(crate) records: Vec<RunRecord>,
    pub(super) facts: Vec<RunFacts>,
    pub(super) policy: SchedulePolicy,
    pub(super) machine: SlotCapacity,
    /// The rank of each run in the order of starting.
    ranks: Vec<usize>,
    /// For each run, the runs that wait for its end.
    waiting: Vec<Vec<RunIndex>>,
    pub(super) queue: RunQueue,
    /// The run in each slot.
    pub(crate) slots: Vec<Option<RunIndex>>,
    /// The most memory of a device that has slots, bytes. Cached: every start needs it, and there
    /// can be thousands of slots.
    most_memory: u64,
    /// Memory in use on each device, bytes, and the number of runs that use it.
    held: Vec<(u64, usize)>,
    /// Runs that the user cancelled while they were in a slot.
    pub(super) cancelling: BTreeSet<RunIndex>,
    /// Runs started since the coordinator started.
    begun: BTreeSet<RunIndex>,
    /// True while no run is started because the disk space is low.
    pub(super) paused: bool,
    /// True once no more runs are started.
    pub(super) stopping: bool,
    /// The run whose failure stopped the sweep, if one did, and the failure.
    pub(crate) stopped_by: Option<(RunIndex, AttemptFailure)>,
}

impl ScheduleState {
    /// Creates the state from the records. Leased runs keep their slots, which must exist and be
    /// distinct.
    pub(crate) fn new(
        records: Vec<RunRecord>,
        facts: Vec<RunFacts>,
        machine: SlotCapacity,
        policy: SchedulePolicy,
    ) -> Self {
        let mut waiting = vec![Vec::new(); facts.len()];
        for (run, facts) in facts.iter().enumerate() {
            if let Some(before) = facts.after {
                waiting[before].push(run);
            }
        }
        let mut state = Self {
            ranks: ranks(&facts, policy.order),
            queue: RunQueue::default(),
            slots: vec![None; machine.slots.len()],
            most_memory: machine.most_memory(),
            held: vec![(0, 0); machine.memory.len()],
            cancelling: BTreeSet::new(),
            begun: BTreeSet::new(),
            paused: false,
            stopping: false,
            stopped_by: None,
            records,
            facts,
            policy,
            machine,
            waiting,
        };
        for run in 0..state.records.len() {
            match state.records[run].state.lease() {
                Some(lease) => state.occupy(run, lease.slot),
                None => state.enqueue(run),
            }
        }
        state
    }

    /// The record of a run.
    pub(crate) fn record(&self, run: RunIndex) -> &RunRecord {
        &self.records[run]
    }

    /// The runs that wait for this one's end.
    pub(crate) fn waiting_for(&self, run: RunIndex) -> &[RunIndex] {
        &self.waiting[run]
    }

    /// The attempt in a slot.
    pub(crate) fn holder(&self, slot: SlotIndex) -> Option<AttemptId> {
        let run = self.slots[slot]?;
        let attempt = self.records[run].state.lease()?.attempt;
        Some(AttemptId { run, attempt })
    }

    /// The end of the next back-off, if no event comes before.
    pub(crate) fn next_back_off_end(&self) -> Option<MonotonicTime> {
        self.queue.next_awake()
    }

    /// The lease of an attempt, if it is the current one of its run.
    pub(super) fn lease(&self, claim: AttemptId) -> Option<Lease> {
        let lease = self.records.get(claim.run)?.state.lease();
        lease.filter(|lease| lease.attempt == claim.attempt)
    }

    /// True if no run is in a slot and none will start.
    ///
    /// Runs that are not in the queue have ended, or wait for a run that is in the queue.
    pub(crate) fn is_finished(&self) -> bool {
        let idle = self.slots.iter().all(Option::is_none);
        idle && (self.stopping || self.queue.is_empty())
    }

    /// Reports whether `max_runs` permits this run to start.
    pub(super) fn is_within_max_runs(&self, run: RunIndex) -> bool {
        self.policy
            .max_runs
            .is_none_or(|most| self.begun.len() < most)
            || self.begun.contains(&run)
    }

    /// Reports whether the run that this one waits for has ended.
    pub(super) fn is_unblocked(&self, run: RunIndex) -> bool {
        self.facts[run]
            .after
            .is_none_or(|before| self.records[before].state.has_ended())
    }

    /// Puts a run into the queue, if it waits only for a slot.
    pub(super) fn enqueue(&mut self, run: RunIndex) {
        let queued = matches!(self.records[run].state, RunState::Queued { .. });
        if queued && self.is_unblocked(run) && self.is_within_max_runs(run) {
            self.queue
                .push(run, self.ranks[run], self.facts[run].memory);
        }
    }

    /// Removes a cancelled or blocked run from the queue.
    pub(super) fn dequeue(&mut self, run: RunIndex) {
        self.queue
            .remove(run, self.ranks[run], self.facts[run].memory);
    }

    /// The memory of a slot's device.
    pub(super) fn room(&self, slot: SlotIndex) -> MemoryUse {
        let device = self.machine.slots[slot];
        MemoryUse {
            held: self.held[device].0,
            all: self.machine.memory[device],
        }
    }

    /// The next run for a free slot: the first that fits in the free memory of its device.
    ///
    /// An empty device with the most memory of all takes a run of any size.
    pub(super) fn next_for(&mut self, slot: SlotIndex) -> Option<RunIndex> {
        let device = self.machine.slots[slot];
        let (held, runs) = self.held[device];
        if runs == 0 && self.machine.memory[device] == self.most_memory {
            return self.queue.pop(None);
        }
        // If the run on a device is larger than the device, no other run fits next to it.
        self.queue
            .pop(Some(self.machine.memory[device].checked_sub(held)?))
    }

    /// Gives a slot to a run, and counts the attempt.
    pub(super) fn lease_to(&mut self, run: RunIndex, slot: SlotIndex) -> AttemptId {
        let record = &mut self.records[run];
        record.attempts += 1;
        let attempt = record.attempts;
        record.state = RunState::leased(attempt, slot);
        self.occupy(run, slot);
        self.begun.insert(run);
        if self.policy.max_runs == Some(self.begun.len()) {
            let begun = &self.begun;
            self.queue.retain(|run| begun.contains(&run));
        }
        AttemptId { run, attempt }
    }

    /// Puts a run into a free slot.
    fn occupy(&mut self, run: RunIndex, slot: SlotIndex) {
        self.slots[slot] = Some(run);
        let held = &mut self.held[self.machine.slots[slot]];
        *held = (held.0.saturating_add(self.facts[run].memory), held.1 + 1);
    }

    /// Takes a run out of its slot.
    pub(super) fn free(&mut self, run: RunIndex, slot: SlotIndex) {
        self.slots[slot] = None;
        let held = &mut self.held[self.machine.slots[slot]];
        *held = (held.0.saturating_sub(self.facts[run].memory), held.1 - 1);
        self.cancelling.remove(&run);
    }

    /// Records that a run has ended, and queues the runs that waited for it.
    pub(super) fn end(&mut self, run: RunIndex, state: RunState) {
        self.records[run].state = state;
        for waiting in self.waiting[run].clone() {
            self.enqueue(waiting);
        }
    }

    /// Queues an ended run again.
    ///
    /// The runs that wait for it leave the queue, and lose their back-off.
    pub(super) fn reopen(&mut self, run: RunIndex, record: RunRecord) {
        self.records[run] = record;
        for waiting in self.waiting[run].clone() {
            self.dequeue(waiting);
        }
        self.enqueue(run);
    }
}
