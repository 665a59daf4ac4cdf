//! A slow and simple model of the schedule, without derived state. `tests.rs` compares the two.

use std::collections::{BTreeMap, BTreeSet};

use super::super::event::ScheduleEvent;
use super::super::facts::{
    AttemptId, MonotonicTime, RunFacts, RunIndex, SchedulePolicy, SlotCapacity, SlotIndex,
};
use crate::store::{AttemptFailure, FailureClass, RequestKind, RunRecord, RunState};
use isoflop_sweep::RunOrder;

/// An action of the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Start an attempt in a slot.
    Start {
        /// The attempt.
        claim: AttemptId,
        /// The slot.
        slot: SlotIndex,
    },
    /// Check what an attempt delivered, and make it the run's outcome.
    Commit(AttemptId),
    /// Stop an attempt.
    Stop(AttemptId),
    /// End: all slots are empty, and no run will start.
    Finish,
}

pub(super) struct Model {
    pub(super) records: Vec<RunRecord>,
    pub(super) facts: Vec<RunFacts>,
    pub(super) machine: SlotCapacity,
    pub(super) policy: SchedulePolicy,
    pub(super) asleep_until: BTreeMap<RunIndex, MonotonicTime>,
    pub(super) cancelling: BTreeSet<RunIndex>,
    pub(super) begun: BTreeSet<RunIndex>,
    pub(super) paused: bool,
    pub(super) stopping: bool,
}

impl Model {
    fn priority(&self, run: RunIndex) -> u64 {
        let behind = (0..self.facts.len()).filter(|other| self.facts[*other].after == Some(run));
        behind
            .map(|other| self.priority(other))
            .fold(self.facts[run].priority, u64::max)
    }

    /// Reports whether `a` starts before `b`.
    fn is_before(&self, a: RunIndex, b: RunIndex) -> bool {
        let (first, second) = (self.priority(a), self.priority(b));
        if first != second {
            return first > second;
        }
        let (first, second) = (self.facts[a].worth, self.facts[b].worth);
        match self.policy.order {
            RunOrder::LongestFirst if first != second => first > second,
            RunOrder::CheapestFirst if first != second => first < second,
            _ => a < b,
        }
    }

    fn holder(&self, slot: SlotIndex) -> Option<RunIndex> {
        let lease = |run: &RunIndex| self.records[*run].state.lease();
        (0..self.records.len()).find(|run| lease(run).is_some_and(|lease| lease.slot == slot))
    }

    fn fits(&self, run: RunIndex, slot: SlotIndex) -> bool {
        let device = self.machine.slots[slot];
        let SlotCapacity { slots, memory } = &self.machine;
        let neighbours = (0..slots.len()).filter(|other| slots[*other] == device);
        let held: Vec<u64> = neighbours
            .filter_map(|slot| self.holder(slot))
            .map(|run| self.facts[run].memory)
            .collect();
        let most = slots.iter().map(|device| memory[*device]).max();
        let takes_any = held.is_empty() && Some(memory[device]) == most;
        takes_any || held.iter().sum::<u64>() + self.facts[run].memory <= memory[device]
    }

    fn is_queued(&self, run: RunIndex) -> bool {
        matches!(self.records[run].state, RunState::Queued { .. })
    }

    fn waits_for_nothing(&self, run: RunIndex) -> bool {
        let before = self.facts[run].after;
        before.is_none_or(|before| self.records[before].state.has_ended())
    }

    fn may_begin(&self, run: RunIndex) -> bool {
        let is_new = !self.begun.contains(&run);
        !is_new
            || self
                .policy
                .max_runs
                .is_none_or(|most| self.begun.len() < most)
    }

    /// Reports whether a run may start, now or after its back-off.
    fn could_start(&self, run: RunIndex) -> bool {
        self.is_queued(run) && self.waits_for_nothing(run) && self.may_begin(run)
    }

    fn is_awake(&self, run: RunIndex, now: MonotonicTime) -> bool {
        let until = self.asleep_until.get(&run);
        until.is_none_or(|until| *until <= now)
    }

    pub(super) fn step(&mut self, now: MonotonicTime, event: ScheduleEvent) -> Vec<Command> {
        let mut commands = self.happened(now, event);
        for slot in 0..self.machine.slots.len() {
            if !self.stopping && !self.paused && self.holder(slot).is_none() {
                commands.extend(self.fill(slot, now));
            }
        }
        let idle = (0..self.machine.slots.len()).all(|slot| self.holder(slot).is_none());
        let mut runs = 0..self.records.len();
        if idle && (self.stopping || !runs.any(|run| self.could_start(run))) {
            commands.push(Command::Finish);
        }
        commands
    }

    fn fill(&mut self, slot: SlotIndex, now: MonotonicTime) -> Option<Command> {
        let run = (0..self.records.len())
            .filter(|run| self.could_start(*run) && self.is_awake(*run, now))
            .filter(|run| self.fits(*run, slot))
            .reduce(|best, run| if self.is_before(run, best) { run } else { best })?;
        self.begun.insert(run);
        self.asleep_until.remove(&run);
        let record = &mut self.records[run];
        record.attempts += 1;
        let attempt = record.attempts;
        record.state = RunState::leased(attempt, slot);
        let claim = AttemptId { run, attempt };
        Some(Command::Start { claim, slot })
    }

    fn stop(&self, run: RunIndex) -> Command {
        let attempt = self.records[run].attempts;
        Command::Stop(AttemptId { run, attempt })
    }

    fn stop_all(&self) -> Vec<Command> {
        let held = (0..self.machine.slots.len()).filter_map(|slot| self.holder(slot));
        held.map(|run| self.stop(run)).collect()
    }

    fn holds(&self, claim: &AttemptId) -> bool {
        let lease = self.records[claim.run].state.lease();
        lease.is_some_and(|lease| lease.attempt == claim.attempt)
    }

    fn happened(&mut self, now: MonotonicTime, event: ScheduleEvent) -> Vec<Command> {
        match event {
            ScheduleEvent::Started(claim, pid) if self.holds(&claim) => {
                self.started(claim.run, pid)
            }
            ScheduleEvent::Delivered(claim) if self.holds(&claim) => return self.delivered(claim),
            ScheduleEvent::Committed(claim, end) if self.holds(&claim) => {
                self.committed(claim.run, end)
            }
            ScheduleEvent::Failed(claim, failure) if self.holds(&claim) => {
                return self.failed(now, claim.run, failure);
            }
            ScheduleEvent::Requested(RequestKind::Cancel, run) => return self.cancelled(run),
            ScheduleEvent::Requested(RequestKind::Retry, run) => self.retried(run),
            ScheduleEvent::DiskLow => self.paused = true,
            ScheduleEvent::DiskFree => self.paused = false,
            ScheduleEvent::Interrupted => {
                self.stopping = true;
                return self.stop_all();
            }
            _ => {}
        }
        Vec::new()
    }

    fn started(&mut self, run: RunIndex, pid: Option<u32>) {
        if let RunState::Leased { lease } = self.records[run].state {
            self.records[run].state = RunState::Running { lease, pid };
        }
    }

    fn delivered(&mut self, claim: AttemptId) -> Vec<Command> {
        let state = &mut self.records[claim.run].state;
        if let RunState::Leased { lease } | RunState::Running { lease, .. } = *state {
            *state = RunState::Committing { lease };
            return vec![Command::Commit(claim)];
        }
        Vec::new()
    }

    fn committed(&mut self, run: RunIndex, end: RunState) {
        let state = &mut self.records[run].state;
        if matches!(state, RunState::Committing { .. }) {
            *state = end;
            self.cancelling.remove(&run);
        }
    }

    fn failed(
        &mut self,
        now: MonotonicTime,
        run: RunIndex,
        failure: AttemptFailure,
    ) -> Vec<Command> {
        if self.cancelling.remove(&run) {
            self.records[run].state = RunState::Cancelled;
            return Vec::new();
        }
        let (record, facts) = (&mut self.records[run], &self.facts[run]);
        record.crashes += u32::from(failure.class == FailureClass::Crash);
        let again = match failure.class {
            FailureClass::Crash => record.crashes < self.policy.max_crashes,
            FailureClass::UserError | FailureClass::TimeLimit => false,
            FailureClass::OutOfMemory => facts.splits && !record.split,
            FailureClass::Preempted | FailureClass::Unwritable | FailureClass::Refused => true,
        };
        if !again {
            record.state = match failure.class {
                FailureClass::Crash => RunState::Quarantined { failure },
                _ => RunState::Failed { failure },
            };
            return Vec::new();
        }
        record.split |= failure.class == FailureClass::OutOfMemory;
        let wait = self.policy.back_off(record.crashes.max(1), facts.jitter);
        let stops = failure.class.stops_the_sweep() && !self.stopping;
        let last = Some(failure);
        record.state = RunState::Queued { last };
        if self.waits_for_nothing(run) {
            self.asleep_until.insert(run, MonotonicTime(now.0 + wait));
        }
        self.stopping |= stops;
        if stops { self.stop_all() } else { Vec::new() }
    }

    fn cancelled(&mut self, run: RunIndex) -> Vec<Command> {
        match self.records[run].state {
            RunState::Queued { .. } => {
                self.records[run].state = RunState::Cancelled;
                self.asleep_until.remove(&run);
                Vec::new()
            }
            RunState::Leased { .. } | RunState::Running { .. } => {
                self.cancelling.insert(run);
                vec![self.stop(run)]
            }
            _ => Vec::new(),
        }
    }

    fn retried(&mut self, run: RunIndex) {
        let record = &mut self.records[run];
        if record.state.has_ended() && !record.state.has_outcome() {
            let attempts = record.attempts;
            *record = RunRecord {
                attempts,
                ..RunRecord::default()
            };
            let facts = &self.facts;
            self.asleep_until
                .retain(|other, _| facts[*other].after != Some(run));
        }
    }
}
