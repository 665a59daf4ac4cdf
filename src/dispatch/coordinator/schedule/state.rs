//! All that a decision rests on.

use std::collections::BTreeSet;

use super::facts::{Claim, Facts, Machine, Moment, Policy, RunIndex, SlotIndex, ranks};
use super::queue::Queue;
use super::verdict::Room;
use crate::store::{Failure, Lease, Record, RunState};

/// All that a decision rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// How all runs stand, in the plan's order.
    pub(crate) records: Vec<Record>,
    pub(super) facts: Vec<Facts>,
    pub(super) policy: Policy,
    pub(super) machine: Machine,
    /// For each run, its place in the order of starting.
    ranks: Vec<usize>,
    /// For each run, those that wait for its end.
    waiting: Vec<Vec<RunIndex>>,
    pub(super) queue: Queue,
    /// What each slot holds.
    pub(crate) slots: Vec<Option<RunIndex>>,
    /// The most memory of a device that has slots, bytes: asked for at every start, and there may be thousands of slots.
    most_memory: u64,
    /// Memory that is given away on each device, bytes, and to how many runs.
    held: Vec<(u64, usize)>,
    /// Runs that the user gave up while they were in a slot.
    pub(super) cancelling: BTreeSet<RunIndex>,
    /// Runs started since the coordinator began.
    begun: BTreeSet<RunIndex>,
    /// No new run is started, until there is room on the disk.
    pub(super) paused: bool,
    /// No new run is started any more.
    pub(super) stopping: bool,
    /// What stopped the sweep, if a run's failure did.
    pub(crate) stopped_by: Option<(RunIndex, Failure)>,
}

impl State {
    /// Takes up what is known of each run. Those that an attempt holds keep their slots, which are there and no two the same.
    pub(crate) fn new(
        records: Vec<Record>,
        facts: Vec<Facts>,
        machine: Machine,
        policy: Policy,
    ) -> Self {
        let mut waiting = vec![Vec::new(); facts.len()];
        for (run, facts) in facts.iter().enumerate() {
            if let Some(before) = facts.after {
                waiting[before].push(run);
            }
        }
        let mut state = Self {
            ranks: ranks(&facts, policy.order),
            queue: Queue::default(),
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
                Some(lease) => state.seat(run, lease.slot),
                None => state.enqueue(run),
            }
        }
        state
    }

    /// How a run stands.
    pub(crate) fn record(&self, run: RunIndex) -> &Record {
        &self.records[run]
    }

    /// The runs that wait for this one's end.
    pub(crate) fn waiting_for(&self, run: RunIndex) -> &[RunIndex] {
        &self.waiting[run]
    }

    /// The attempt that holds a slot.
    pub(crate) fn holder(&self, slot: SlotIndex) -> Option<Claim> {
        let run = self.slots[slot]?;
        let attempt = self.records[run].state.lease()?.attempt;
        Some(Claim { run, attempt })
    }

    /// When a run's back-off ends, if nothing happens before.
    pub(crate) fn next_moment(&self) -> Option<Moment> {
        self.queue.next_awake()
    }

    /// The lease of an attempt, if it is the one that holds its run.
    pub(super) fn lease(&self, claim: Claim) -> Option<Lease> {
        let lease = self.records.get(claim.run)?.state.lease();
        lease.filter(|lease| lease.attempt == claim.attempt)
    }

    /// Whether nothing runs and nothing will: what is not in the queue waits for a run that is, or has ended.
    pub(crate) fn is_finished(&self) -> bool {
        let idle = self.slots.iter().all(Option::is_none);
        idle && (self.stopping || self.queue.is_empty())
    }

    /// Whether another run may be started that was not yet.
    pub(super) fn may_begin(&self, run: RunIndex) -> bool {
        self.policy
            .max_runs
            .is_none_or(|most| self.begun.len() < most)
            || self.begun.contains(&run)
    }

    /// Whether what a run waits for has ended.
    pub(super) fn waits_for_nothing(&self, run: RunIndex) -> bool {
        self.facts[run]
            .after
            .is_none_or(|before| self.records[before].state.has_ended())
    }

    /// Puts a run that waits for nothing but a slot into the queue.
    pub(super) fn enqueue(&mut self, run: RunIndex) {
        let queued = matches!(self.records[run].state, RunState::Queued { .. });
        if queued && self.waits_for_nothing(run) && self.may_begin(run) {
            self.queue
                .push(run, self.ranks[run], self.facts[run].memory);
        }
    }

    /// Takes a run that is wanted no more out of the queue.
    pub(super) fn dequeue(&mut self, run: RunIndex) {
        self.queue
            .remove(run, self.ranks[run], self.facts[run].memory);
    }

    /// The memory of a slot's device.
    pub(super) fn room(&self, slot: SlotIndex) -> Room {
        let device = self.machine.slots[slot];
        Room {
            held: self.held[device].0,
            all: self.machine.memory[device],
        }
    }

    /// The next run for a free slot: the first that fits beside what its device holds. A device that holds nothing takes any, too, that no
    /// device has more memory for.
    pub(super) fn next_for(&mut self, slot: SlotIndex) -> Option<RunIndex> {
        let device = self.machine.slots[slot];
        let (held, runs) = self.held[device];
        if runs == 0 && self.machine.memory[device] == self.most_memory {
            return self.queue.pop(None);
        }
        // Beside one that is larger than its device, nothing fits.
        self.queue
            .pop(Some(self.machine.memory[device].checked_sub(held)?))
    }

    /// Gives a slot to a run; its attempt is counted here.
    pub(super) fn lease_to(&mut self, run: RunIndex, slot: SlotIndex) -> Claim {
        let record = &mut self.records[run];
        record.attempts += 1;
        let attempt = record.attempts;
        record.state = RunState::leased(attempt, slot);
        self.seat(run, slot);
        self.begun.insert(run);
        if self.policy.max_runs == Some(self.begun.len()) {
            let begun = &self.begun;
            self.queue.retain(|run| begun.contains(&run));
        }
        Claim { run, attempt }
    }

    /// Puts a run into a slot that is free.
    fn seat(&mut self, run: RunIndex, slot: SlotIndex) {
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

    /// Writes down that a run has ended; what waited for it waits no more.
    pub(super) fn end(&mut self, run: RunIndex, state: RunState) {
        self.records[run].state = state;
        for waiting in self.waiting[run].clone() {
            self.enqueue(waiting);
        }
    }

    /// Writes down that a run that had ended waits again; so does what waits for its end, without a back-off of its own.
    pub(super) fn reopen(&mut self, run: RunIndex, record: Record) {
        self.records[run] = record;
        for waiting in self.waiting[run].clone() {
            self.dequeue(waiting);
        }
        self.enqueue(run);
    }
}
