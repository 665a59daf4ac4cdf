//! One decision.

use super::event::Event;
use super::facts::{Claim, Moment, RunIndex, SlotIndex};
use super::state::State;
use super::verdict::{Choice, GiveUp, Next, StopReason, Subject, Verdict};
use crate::store::{Failure, FailureClass, Lease, Record, RequestKind, RunState};

/// What follows from an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    /// The new state.
    pub(crate) state: State,
    /// What was decided, and why: it is to be carried out, once it is written down.
    pub(crate) verdicts: Vec<Verdict>,
}

/// Decides. An event about an attempt that does not hold its run changes nothing.
pub(crate) fn step(state: State, now: Moment, event: Event) -> Decision {
    let verdicts = Vec::new();
    let mut decision = Decision { state, verdicts };
    decision.take(now, event);
    decision.fill(now);
    decision
}

impl Decision {
    fn take(&mut self, now: Moment, event: Event) {
        match event {
            Event::Tick => {}
            Event::DiskLow => {
                self.state.paused = true;
                self.say(Subject::Sweep, Choice::Pause);
            }
            Event::DiskFree => {
                self.state.paused = false;
                self.say(Subject::Sweep, Choice::Unpause);
            }
            Event::Started(claim, pid) => self.started(claim, pid),
            Event::Delivered(claim) => self.delivered(claim),
            Event::Committed(claim, end) => self.committed(claim, end),
            Event::Failed(claim, failure) => match self.state.lease(claim) {
                Some(lease) => self.failed(now, claim, lease, failure),
                None => self.say(Subject::Attempt(claim), Choice::Ignore("failed")),
            },
            Event::Asked(wish, run) => self.asked(wish, run),
            Event::Interrupted => {
                self.state.stopping = true;
                self.stop_all(StopReason::Interrupted);
            }
        }
    }

    /// Fills the slots.
    fn fill(&mut self, now: Moment) {
        while let Some(run) = self.state.queue.awake(now) {
            self.state.enqueue(run);
        }
        if !self.state.stopping && !self.state.paused {
            for slot in 0..self.state.slots.len() {
                if self.state.slots[slot].is_none() {
                    self.fill_slot(slot);
                }
            }
        }
    }

    fn fill_slot(&mut self, slot: SlotIndex) {
        let room = self.state.room(slot);
        let Some(run) = self.state.next_for(slot) else {
            if let Some(least) = self.state.queue.least_memory() {
                self.say(Subject::Sweep, Choice::Wait { slot, least, room });
            }
            return;
        };
        let (claim, needs) = (self.state.lease_to(run, slot), self.state.facts[run].memory);
        self.say(Subject::Attempt(claim), Choice::Lease { slot, needs, room });
    }

    fn started(&mut self, claim: Claim, pid: Option<u32>) {
        let Some(RunState::Leased { lease }) = held(&self.state, claim) else {
            return self.say(Subject::Attempt(claim), Choice::Ignore("started"));
        };
        self.state.records[claim.run].state = RunState::Running { lease, pid };
        self.say(Subject::Attempt(claim), Choice::Run(pid));
    }

    fn delivered(&mut self, claim: Claim) {
        let Some(RunState::Leased { lease } | RunState::Running { lease, .. }) =
            held(&self.state, claim)
        else {
            return self.say(Subject::Attempt(claim), Choice::Ignore("delivered"));
        };
        self.state.records[claim.run].state = RunState::Committing { lease };
        self.say(Subject::Attempt(claim), Choice::Commit);
    }

    fn committed(&mut self, claim: Claim, end: RunState) {
        let Some(RunState::Committing { lease }) = held(&self.state, claim) else {
            return self.say(Subject::Attempt(claim), Choice::Ignore("committed"));
        };
        self.state.free(claim.run, lease.slot);
        self.state.end(claim.run, end.clone());
        self.say(Subject::Attempt(claim), Choice::Done(end));
    }

    fn failed(&mut self, now: Moment, claim: Claim, lease: Lease, failure: Failure) {
        let run = claim.run;
        let cancelled = self.state.cancelling.contains(&run);
        self.state.free(run, lease.slot);
        if cancelled {
            self.state.end(run, RunState::Cancelled);
            return self.say(Subject::Attempt(claim), Choice::Cancel);
        }
        self.state.records[run].crashes += u32::from(failure.class == FailureClass::Crash);
        if let Some(reason) = gives_up(&self.state, run, failure.class) {
            let told = Choice::GiveUp {
                failure: failure.clone(),
                reason,
            };
            self.say(Subject::Attempt(claim), told);
            let end = match reason {
                GiveUp::Crashes(_) => RunState::Quarantined { failure },
                _ => RunState::Failed { failure },
            };
            return self.state.end(run, end);
        }
        let splits = failure.class == FailureClass::OutOfMemory;
        self.state.records[run].split |= splits;
        let stops = failure.class.stops_the_sweep() && !self.state.stopping;
        if stops {
            self.state.stopping = true;
            self.state.stopped_by = Some((run, failure.clone()));
        }
        self.retry_later(now, claim, failure, splits);
        if stops {
            self.stop_all(StopReason::Stopped(run));
        }
    }

    fn retry_later(&mut self, now: Moment, claim: Claim, failure: Failure, splits: bool) {
        let (state, run) = (&mut self.state, claim.run);
        let (crashes, most) = (state.records[run].crashes, state.policy.max_crashes);
        state.records[run].state = RunState::Queued {
            last: Some(failure.clone()),
        };
        let wait = state
            .policy
            .back_off(crashes.max(1), state.facts[run].jitter);
        // What it waits for may have been taken up again: its end puts the run into the queue.
        let before = state.facts[run]
            .after
            .filter(|_| !state.waits_for_nothing(run));
        let may_begin = state.may_begin(run);
        if before.is_none() && may_begin {
            state.queue.sleep(run, Moment(now.0 + wait));
        }
        let next = match before {
            _ if state.stopping || !may_begin => Next::WhenResumed,
            Some(before) => Next::After(before),
            None => Next::In(wait),
        };
        let retry = Choice::Retry {
            failure,
            crashes: (crashes, most),
            splits,
            next,
        };
        self.say(Subject::Attempt(claim), retry);
    }

    fn asked(&mut self, wish: RequestKind, run: RunIndex) {
        let Some(record) = self.state.records.get(run) else {
            return;
        };
        let choice = match (wish, asked(record, wish), &record.state) {
            (RequestKind::Cancel, Some(_), _) => {
                self.state.dequeue(run);
                self.state.end(run, RunState::Cancelled);
                Choice::Cancel
            }
            (RequestKind::Retry, Some(record), _) => {
                self.state.reopen(run, record);
                Choice::Reopen
            }
            (
                RequestKind::Cancel,
                _,
                RunState::Leased { lease } | RunState::Running { lease, .. },
            ) => {
                let attempt = lease.attempt;
                self.state.cancelling.insert(run);
                return self.stop(Claim { run, attempt }, StopReason::Cancelled);
            }
            // One that is committing is about to have an outcome.
            (_, None, state) => Choice::Refuse(wish, state.name()),
        };
        self.say(Subject::Run(run), choice);
    }

    fn say(&mut self, subject: Subject, choice: Choice) {
        self.verdicts.push(Verdict { subject, choice });
    }

    /// Asks what is in the slots to end.
    fn stop_all(&mut self, reason: StopReason) {
        for slot in 0..self.state.slots.len() {
            if let Some(claim) = self.state.holder(slot) {
                self.stop(claim, reason);
            }
        }
    }

    fn stop(&mut self, claim: Claim, reason: StopReason) {
        self.say(Subject::Attempt(claim), Choice::Stop(reason));
    }
}

/// Why a run is not tried again after such a failure; nothing where it is.
fn gives_up(state: &State, run: RunIndex, class: FailureClass) -> Option<GiveUp> {
    let record = &state.records[run];
    match class {
        FailureClass::Crash => {
            (record.crashes >= state.policy.max_crashes).then_some(GiveUp::Crashes(record.crashes))
        }
        FailureClass::UserError | FailureClass::TimeLimit => Some(GiveUp::SameAgain),
        FailureClass::OutOfMemory if record.split => Some(GiveUp::SplitAlready),
        FailureClass::OutOfMemory => (!state.facts[run].splits).then_some(GiveUp::OneSequence),
        FailureClass::Preempted | FailureClass::Unwritable | FailureClass::Refused => None,
    }
}

/// What the user's wish makes of a run that is in no slot; nothing where it asks for what is so, or cannot be.
pub(crate) fn asked(record: &Record, wish: RequestKind) -> Option<Record> {
    let mut wanted = record.clone();
    match (wish, &record.state) {
        (RequestKind::Cancel, RunState::Queued { .. }) => wanted.state = RunState::Cancelled,
        (RequestKind::Retry, state) if state.has_ended() && !state.has_outcome() => {
            let attempts = record.attempts;
            wanted = Record {
                attempts,
                ..Record::default()
            };
        }
        _ => return None,
    }
    Some(wanted)
}

/// The state of an attempt's run, if the attempt holds it.
fn held(state: &State, claim: Claim) -> Option<RunState> {
    state.lease(claim)?;
    Some(state.records[claim.run].state.clone())
}
