//! One decision of the schedule.

use super::event::ScheduleEvent;
use super::facts::{AttemptId, MonotonicTime, RunIndex, SlotIndex};
use super::state::ScheduleState;
use super::verdict::{GiveUpReason, RetryTime, StopReason, Verdict, VerdictKind, VerdictSubject};
use crate::store::{AttemptFailure, FailureClass, Lease, RequestKind, RunRecord, RunState};

/// The result of an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    /// The new state.
    pub(crate) state: ScheduleState,
    /// The decisions with their reasons, to carry out once they are in the store.
    pub(crate) verdicts: Vec<Verdict>,
}

/// Decides on an event. Events about an attempt without its run's lease change nothing.
pub(crate) fn step(state: ScheduleState, now: MonotonicTime, event: ScheduleEvent) -> Decision {
    let verdicts = Vec::new();
    let mut decision = Decision { state, verdicts };
    decision.handle_event(now, event);
    decision.fill(now);
    decision
}

impl Decision {
    fn handle_event(&mut self, now: MonotonicTime, event: ScheduleEvent) {
        match event {
            ScheduleEvent::Tick => {}
            ScheduleEvent::DiskLow => {
                self.state.paused = true;
                self.push_verdict(VerdictSubject::Sweep, VerdictKind::Pause);
            }
            ScheduleEvent::DiskFree => {
                self.state.paused = false;
                self.push_verdict(VerdictSubject::Sweep, VerdictKind::Unpause);
            }
            ScheduleEvent::Started(claim, pid) => self.started(claim, pid),
            ScheduleEvent::Delivered(claim) => self.delivered(claim),
            ScheduleEvent::Committed(claim, end) => self.committed(claim, end),
            ScheduleEvent::Failed(claim, failure) => match self.state.lease(claim) {
                Some(lease) => self.failed(now, claim, lease, failure),
                None => self.push_verdict(
                    VerdictSubject::Attempt(claim),
                    VerdictKind::Ignore("failed"),
                ),
            },
            ScheduleEvent::Requested(wish, run) => self.after_request(wish, run),
            ScheduleEvent::Interrupted => {
                self.state.stopping = true;
                self.stop_all(StopReason::Interrupted);
            }
        }
    }

    /// Fills the slots.
    fn fill(&mut self, now: MonotonicTime) {
        while let Some(run) = self.state.queue.pop_awake(now) {
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
                self.push_verdict(
                    VerdictSubject::Sweep,
                    VerdictKind::Wait { slot, least, room },
                );
            }
            return;
        };
        let (claim, needs) = (self.state.lease_to(run, slot), self.state.facts[run].memory);
        self.push_verdict(
            VerdictSubject::Attempt(claim),
            VerdictKind::Lease { slot, needs, room },
        );
    }

    fn started(&mut self, claim: AttemptId, pid: Option<u32>) {
        let Some(RunState::Leased { lease }) = held(&self.state, claim) else {
            return self.push_verdict(
                VerdictSubject::Attempt(claim),
                VerdictKind::Ignore("started"),
            );
        };
        self.state.records[claim.run].state = RunState::Running { lease, pid };
        self.push_verdict(VerdictSubject::Attempt(claim), VerdictKind::Run(pid));
    }

    fn delivered(&mut self, claim: AttemptId) {
        let Some(RunState::Leased { lease } | RunState::Running { lease, .. }) =
            held(&self.state, claim)
        else {
            return self.push_verdict(
                VerdictSubject::Attempt(claim),
                VerdictKind::Ignore("delivered"),
            );
        };
        self.state.records[claim.run].state = RunState::Committing { lease };
        self.push_verdict(VerdictSubject::Attempt(claim), VerdictKind::Commit);
    }

    fn committed(&mut self, claim: AttemptId, end: RunState) {
        let Some(RunState::Committing { lease }) = held(&self.state, claim) else {
            return self.push_verdict(
                VerdictSubject::Attempt(claim),
                VerdictKind::Ignore("committed"),
            );
        };
        self.state.free(claim.run, lease.slot);
        self.state.end(claim.run, end.clone());
        self.push_verdict(VerdictSubject::Attempt(claim), VerdictKind::Done(end));
    }

    fn failed(
        &mut self,
        now: MonotonicTime,
        claim: AttemptId,
        lease: Lease,
        failure: AttemptFailure,
    ) {
        let run = claim.run;
        let cancelled = self.state.cancelling.contains(&run);
        self.state.free(run, lease.slot);
        if cancelled {
            self.state.end(run, RunState::Cancelled);
            return self.push_verdict(VerdictSubject::Attempt(claim), VerdictKind::Cancel);
        }
        self.state.records[run].crashes += u32::from(failure.class == FailureClass::Crash);
        if let Some(reason) = give_up_reason(&self.state, run, failure.class) {
            let told = VerdictKind::GiveUp {
                failure: failure.clone(),
                reason,
            };
            self.push_verdict(VerdictSubject::Attempt(claim), told);
            let end = match reason {
                GiveUpReason::Crashes(_) => RunState::Quarantined { failure },
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

    fn retry_later(
        &mut self,
        now: MonotonicTime,
        claim: AttemptId,
        failure: AttemptFailure,
        splits: bool,
    ) {
        let (state, run) = (&mut self.state, claim.run);
        let (crashes, most) = (state.records[run].crashes, state.policy.max_crashes);
        state.records[run].state = RunState::Queued {
            last: Some(failure.clone()),
        };
        let wait = state
            .policy
            .back_off(crashes.max(1), state.facts[run].jitter);
        // The run that it waits for may be queued again. Its end then queues this one.
        let before = state.facts[run].after.filter(|_| !state.is_unblocked(run));
        let may_begin = state.is_within_max_runs(run);
        if before.is_none() && may_begin {
            state.queue.sleep(run, MonotonicTime(now.0 + wait));
        }
        let next = match before {
            _ if state.stopping || !may_begin => RetryTime::WhenResumed,
            Some(before) => RetryTime::After(before),
            None => RetryTime::In(wait),
        };
        let retry = VerdictKind::Retry {
            failure,
            crashes: (crashes, most),
            splits,
            next,
        };
        self.push_verdict(VerdictSubject::Attempt(claim), retry);
    }

    fn after_request(&mut self, wish: RequestKind, run: RunIndex) {
        let Some(record) = self.state.records.get(run) else {
            return;
        };
        let choice = match (wish, asked(record, wish), &record.state) {
            (RequestKind::Cancel, Some(_), _) => {
                self.state.dequeue(run);
                self.state.end(run, RunState::Cancelled);
                VerdictKind::Cancel
            }
            (RequestKind::Retry, Some(record), _) => {
                self.state.reopen(run, record);
                VerdictKind::Reopen
            }
            (
                RequestKind::Cancel,
                _,
                RunState::Leased { lease } | RunState::Running { lease, .. },
            ) => {
                let attempt = lease.attempt;
                self.state.cancelling.insert(run);
                return self.stop(AttemptId { run, attempt }, StopReason::Cancelled);
            }
            // A run that is being committed is about to have an outcome.
            (_, None, state) => VerdictKind::Refuse(wish, state.name()),
        };
        self.push_verdict(VerdictSubject::Run(run), choice);
    }

    fn push_verdict(&mut self, subject: VerdictSubject, choice: VerdictKind) {
        self.verdicts.push(Verdict { subject, choice });
    }

    /// Asks all attempts in slots to stop.
    fn stop_all(&mut self, reason: StopReason) {
        for slot in 0..self.state.slots.len() {
            if let Some(claim) = self.state.holder(slot) {
                self.stop(claim, reason);
            }
        }
    }

    fn stop(&mut self, claim: AttemptId, reason: StopReason) {
        self.push_verdict(VerdictSubject::Attempt(claim), VerdictKind::Stop(reason));
    }
}

/// The reason not to retry a run after a failure; `None` if it is retried.
fn give_up_reason(
    state: &ScheduleState,
    run: RunIndex,
    class: FailureClass,
) -> Option<GiveUpReason> {
    let record = &state.records[run];
    match class {
        FailureClass::Crash => (record.crashes >= state.policy.max_crashes)
            .then_some(GiveUpReason::Crashes(record.crashes)),
        FailureClass::UserError | FailureClass::TimeLimit => Some(GiveUpReason::SameAgain),
        FailureClass::OutOfMemory if record.split => Some(GiveUpReason::SplitAlready),
        FailureClass::OutOfMemory => {
            (!state.facts[run].splits).then_some(GiveUpReason::OneSequence)
        }
        FailureClass::Preempted | FailureClass::Unwritable | FailureClass::Refused => None,
    }
}

/// The record of a run that is in no slot after a user's request; `None` if the request changes
/// nothing.
pub(crate) fn asked(record: &RunRecord, wish: RequestKind) -> Option<RunRecord> {
    let mut wanted = record.clone();
    match (wish, &record.state) {
        (RequestKind::Cancel, RunState::Queued { .. }) => wanted.state = RunState::Cancelled,
        (RequestKind::Retry, state) if state.has_ended() && !state.has_outcome() => {
            let attempts = record.attempts;
            wanted = RunRecord {
                attempts,
                ..RunRecord::default()
            };
        }
        _ => return None,
    }
    Some(wanted)
}

/// The state of an attempt's run, if the attempt has its lease.
fn held(state: &ScheduleState, claim: AttemptId) -> Option<RunState> {
    state.lease(claim)?;
    Some(state.records[claim.run].state.clone())
}
