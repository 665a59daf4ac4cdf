//! The schedule once more, slow and obvious: nothing is kept that can be looked up. `tests.rs` compares the two.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Claim, Facts, Machine, Moment, Policy, RunIndex, SlotIndex};
use super::step::{Command, Event, Exploded};
use crate::store::{FailureClass, Lease, Record, RunState};
use isoflop_sweep::RunOrder;

pub(super) struct Model {
    pub(super) records: Vec<Record>,
    pub(super) facts: Vec<Facts>,
    pub(super) machine: Machine,
    pub(super) policy: Policy,
    pub(super) asleep_until: BTreeMap<RunIndex, Moment>,
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

    /// Whether `a` starts before `b`.
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
        (0..self.records.len()).find(|run| {
            self.records[*run]
                .state
                .lease()
                .is_some_and(|lease| lease.slot == slot)
        })
    }

    fn fits(&self, run: RunIndex, slot: SlotIndex) -> bool {
        let device = self.machine.slots[slot];
        let neighbours =
            (0..self.machine.slots.len()).filter(|other| self.machine.slots[*other] == device);
        let held: Vec<u64> = neighbours
            .filter_map(|slot| self.holder(slot))
            .map(|run| self.facts[run].memory)
            .collect();
        let most = self
            .machine
            .slots
            .iter()
            .map(|device| self.machine.memory[*device])
            .max();
        let takes_any = held.is_empty() && Some(self.machine.memory[device]) == most;
        takes_any
            || held.iter().sum::<u64>() + self.facts[run].memory <= self.machine.memory[device]
    }

    fn may_start(&self, run: RunIndex, now: Moment) -> bool {
        let waits = matches!(self.records[run].state, RunState::Queued { .. });
        let free = self.facts[run]
            .after
            .is_none_or(|before| self.records[before].state.has_ended());
        let awake = self
            .asleep_until
            .get(&run)
            .is_none_or(|until| *until <= now);
        waits && free && awake && self.may_begin(run)
    }

    fn may_begin(&self, run: RunIndex) -> bool {
        self.begun.contains(&run)
            || self
                .policy
                .max_runs
                .is_none_or(|most| self.begun.len() < most)
    }

    pub(super) fn step(&mut self, now: Moment, event: Event) -> Vec<Command> {
        let mut commands = self.happened(now, event);
        for slot in 0..self.machine.slots.len() {
            if self.stopping || self.paused || self.holder(slot).is_some() {
                continue;
            }
            let fitting = (0..self.records.len())
                .filter(|run| self.may_start(*run, now) && self.fits(*run, slot));
            let first =
                fitting.reduce(|best, run| if self.is_before(run, best) { run } else { best });
            if let Some(run) = first {
                self.begun.insert(run);
                self.asleep_until.remove(&run);
                let record = &mut self.records[run];
                record.attempts += 1;
                record.state = RunState::Leased {
                    lease: Lease {
                        attempt: record.attempts,
                        slot,
                    },
                };
                commands.push(Command::Start {
                    claim: Claim {
                        run,
                        attempt: record.attempts,
                    },
                    slot,
                });
            }
        }
        let idle = (0..self.machine.slots.len()).all(|slot| self.holder(slot).is_none());
        let could = |run: RunIndex| {
            let ever =
                matches!(self.records[run].state, RunState::Queued { .. }) && self.may_begin(run);
            ever && self.facts[run]
                .after
                .is_none_or(|before| self.records[before].state.has_ended())
        };
        if idle && (self.stopping || !(0..self.records.len()).any(could)) {
            commands.push(Command::Finish);
        }
        commands
    }

    fn stops(&self) -> Vec<Command> {
        let held = (0..self.machine.slots.len()).filter_map(|slot| self.holder(slot));
        held.map(|run| {
            Command::Stop(Claim {
                run,
                attempt: self.records[run].attempts,
            })
        })
        .collect()
    }

    fn happened(&mut self, now: Moment, event: Event) -> Vec<Command> {
        let holds = |claim: &Claim| {
            self.records[claim.run]
                .state
                .lease()
                .filter(|lease| lease.attempt == claim.attempt)
                .is_some()
        };
        match event {
            Event::Started(claim, pid) if holds(&claim) => {
                if let RunState::Leased { lease } = self.records[claim.run].state {
                    self.records[claim.run].state = RunState::Running { lease, pid };
                }
            }
            Event::Delivered(claim) if holds(&claim) => {
                let record = &mut self.records[claim.run];
                if let RunState::Leased { lease } | RunState::Running { lease, .. } = record.state {
                    record.state = RunState::Committing { lease };
                    return vec![Command::Commit(claim)];
                }
            }
            Event::Committed(claim, exploded) if holds(&claim) => {
                let state = &mut self.records[claim.run].state;
                if matches!(state, RunState::Committing { .. }) {
                    *state = if exploded == Exploded::Yes {
                        RunState::Diverged
                    } else {
                        RunState::Done
                    };
                    self.cancelling.remove(&claim.run);
                }
            }
            Event::Failed(claim, failure) if holds(&claim) => {
                let (record, facts) = (&mut self.records[claim.run], &self.facts[claim.run]);
                record.crashes += u32::from(failure.class == FailureClass::Crash);
                let again = match failure.class {
                    FailureClass::Crash => record.crashes < self.policy.max_crashes,
                    FailureClass::UserError | FailureClass::TimeLimit => false,
                    FailureClass::OutOfMemory => facts.splits && !record.split,
                    FailureClass::Preempted | FailureClass::Unwritable | FailureClass::Refused => {
                        true
                    }
                };
                if self.cancelling.remove(&claim.run) {
                    record.crashes -= u32::from(failure.class == FailureClass::Crash);
                    record.state = RunState::Cancelled;
                } else if again {
                    record.split |= failure.class == FailureClass::OutOfMemory;
                    let wait = self.policy.back_off(record.crashes.max(1), facts.jitter);
                    if facts
                        .after
                        .is_none_or(|before| self.records[before].state.has_ended())
                    {
                        self.asleep_until.insert(claim.run, Moment(now.0 + wait));
                    }
                    let stops = failure.class.stops_the_sweep() && !self.stopping;
                    self.records[claim.run].state = RunState::Queued {
                        last: Some(failure),
                    };
                    if stops {
                        self.stopping = true;
                        return self.stops();
                    }
                } else if failure.class == FailureClass::Crash {
                    record.state = RunState::Quarantined { failure };
                } else {
                    record.state = RunState::Failed { failure };
                }
            }
            Event::Cancel(run) => match self.records[run].state {
                RunState::Queued { .. } => {
                    self.records[run].state = RunState::Cancelled;
                    self.asleep_until.remove(&run);
                }
                RunState::Leased { lease } | RunState::Running { lease, .. } => {
                    self.cancelling.insert(run);
                    return vec![Command::Stop(Claim {
                        run,
                        attempt: lease.attempt,
                    })];
                }
                _ => {}
            },
            Event::Retry(run) => {
                let record = &mut self.records[run];
                if record.state.has_ended() && !record.state.has_outcome() {
                    *record = Record {
                        attempts: record.attempts,
                        ..Record::default()
                    };
                    let facts = &self.facts;
                    self.asleep_until
                        .retain(|other, _| facts[*other].after != Some(run));
                }
            }
            Event::DiskLow => self.paused = true,
            Event::DiskFree => self.paused = false,
            Event::Interrupted => {
                self.stopping = true;
                return self.stops();
            }
            _ => {}
        }
        Vec::new()
    }
}
