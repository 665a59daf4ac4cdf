//! One decision.

use super::facts::{Claim, Moment, RunIndex, SlotIndex};
use super::state::State;
use crate::store::{Failure, FailureClass, Lease, Record, RequestKind, RunState};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time passed, perhaps: fill the slots.
    Tick,
    /// An attempt's process runs: this one, where it is on this machine.
    Started(Claim, Option<u32>),
    /// An attempt ended and says that it left an outcome.
    Delivered(Claim),
    /// An attempt's outcome was made the run's; whether the loss exploded.
    Committed(Claim, Exploded),
    /// An attempt ended without an outcome.
    Failed(Claim, Failure),
    /// The user gives a run up.
    Cancel(RunIndex),
    /// The user wants a run that was given up to be tried again.
    Retry(RunIndex),
    /// There is little room on the disk.
    DiskLow,
    /// There is room again.
    DiskFree,
    /// The user wants to stop.
    Interrupted,
}

/// Whether a loss exploded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exploded {
    /// It did not: all steps were done.
    No,
    /// It did: an outcome of its own kind.
    Yes,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start an attempt in a slot.
    Start {
        /// The attempt.
        claim: Claim,
        /// Where.
        slot: SlotIndex,
    },
    /// Check what an attempt delivered, and make it the run's outcome.
    Commit(Claim),
    /// End an attempt.
    Stop(Claim),
    /// Nothing runs and nothing will.
    Finish,
}

/// What follows from an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The new state.
    pub state: State,
    /// Runs whose record is another.
    pub changed: Vec<RunIndex>,
    /// What to do, once that is written down.
    pub commands: Vec<Command>,
}

/// Decides. An event about an attempt that does not hold its run changes nothing.
pub fn step(mut state: State, now: Moment, event: Event) -> Decision {
    let (mut changed, mut commands) = (Vec::new(), Vec::new());
    happened(&mut state, now, event, &mut changed, &mut commands);
    while let Some(run) = state.queue.awake(now) {
        state.enqueue(run);
    }
    if !state.stopping && !state.paused {
        for slot in 0..state.slots.len() {
            if state.slots[slot].is_none()
                && let Some(run) = state.next_for(slot)
            {
                let claim = state.lease_to(run, slot);
                changed.push(run);
                commands.push(Command::Start { claim, slot });
            }
        }
    }
    if state.is_finished() {
        commands.push(Command::Finish);
    }
    changed.sort_unstable();
    changed.dedup();
    Decision {
        state,
        changed,
        commands,
    }
}

fn happened(
    state: &mut State,
    now: Moment,
    event: Event,
    changed: &mut Vec<RunIndex>,
    commands: &mut Vec<Command>,
) {
    match event {
        Event::Tick => {}
        Event::DiskLow => state.paused = true,
        Event::DiskFree => state.paused = false,
        Event::Started(claim, pid) => {
            if let Some(RunState::Leased { lease }) = held(state, claim) {
                state.records[claim.run].state = RunState::Running { lease, pid };
                changed.push(claim.run);
            }
        }
        Event::Delivered(claim) => {
            if let Some(RunState::Leased { lease } | RunState::Running { lease, .. }) =
                held(state, claim)
            {
                state.records[claim.run].state = RunState::Committing { lease };
                changed.push(claim.run);
                commands.push(Command::Commit(claim));
            }
        }
        Event::Committed(claim, exploded) => {
            if let Some(RunState::Committing { lease }) = held(state, claim) {
                state.free(claim.run, lease.slot);
                state.end(
                    claim.run,
                    if exploded == Exploded::Yes {
                        RunState::Diverged
                    } else {
                        RunState::Done
                    },
                );
                changed.push(claim.run);
            }
        }
        Event::Failed(claim, failure) => {
            if let Some(lease) = state.lease(claim) {
                failed(state, now, claim, lease, failure, commands);
                changed.push(claim.run);
            }
        }
        Event::Cancel(run) => cancel(state, run, changed, commands),
        Event::Retry(run) => {
            if let Some(record) = state
                .records
                .get(run)
                .and_then(|record| asked(record, RequestKind::Retry))
            {
                state.reopen(run, record);
                changed.push(run);
            }
        }
        Event::Interrupted => {
            state.stopping = true;
            commands.extend(stops(state));
        }
    }
}

/// What the user's wish makes of a run that is in no slot; nothing where it asks for what is so, or cannot be.
pub(in crate::coordinator) fn asked(record: &Record, wish: RequestKind) -> Option<Record> {
    let state = match (wish, &record.state) {
        (RequestKind::Cancel, RunState::Queued { .. }) => RunState::Cancelled,
        (RequestKind::Retry, state) if state.has_ended() && !state.has_outcome() => {
            return Some(Record {
                attempts: record.attempts,
                ..Record::default()
            });
        }
        _ => return None,
    };
    Some(Record {
        state,
        ..record.clone()
    })
}

/// The state of an attempt's run, if the attempt holds it.
fn held(state: &State, claim: Claim) -> Option<RunState> {
    state
        .lease(claim)
        .map(|_| state.records[claim.run].state.clone())
}

/// What is in the slots is asked to end.
fn stops(state: &State) -> impl Iterator<Item = Command> {
    (0..state.slots.len())
        .filter_map(|slot| state.holder(slot))
        .map(Command::Stop)
}

fn failed(
    state: &mut State,
    now: Moment,
    claim: Claim,
    lease: Lease,
    failure: Failure,
    commands: &mut Vec<Command>,
) {
    let run = claim.run;
    let cancelled = state.cancelling.contains(&run);
    state.free(run, lease.slot);
    if cancelled {
        return state.end(run, RunState::Cancelled);
    }
    let (record, splits) = (&mut state.records[run], state.facts[run].splits);
    match failure.class {
        FailureClass::Crash => {
            record.crashes += 1;
            if record.crashes >= state.policy.max_crashes {
                return state.end(run, RunState::Quarantined { failure });
            }
        }
        FailureClass::OutOfMemory if splits && !record.split => record.split = true,
        FailureClass::UserError | FailureClass::TimeLimit | FailureClass::OutOfMemory => {
            return state.end(run, RunState::Failed { failure });
        }
        FailureClass::Preempted => {}
        FailureClass::Unwritable | FailureClass::Refused => {
            if !state.stopping {
                state.stopping = true;
                state.stopped_by = Some((run, failure.clone()));
                commands.extend(stops(state));
            }
        }
    }
    let record = &mut state.records[run];
    record.state = RunState::Queued {
        last: Some(failure),
    };
    let wait = state
        .policy
        .back_off(record.crashes.max(1), state.facts[run].jitter);
    // What it waits for may have been taken up again: its end puts the run into the queue.
    if state.waits_for_nothing(run) && state.may_begin(run) {
        state.queue.sleep(run, Moment(now.0 + wait));
    }
}

fn cancel(
    state: &mut State,
    run: RunIndex,
    changed: &mut Vec<RunIndex>,
    commands: &mut Vec<Command>,
) {
    let Some(record) = state.records.get(run) else {
        return;
    };
    match record.state {
        RunState::Queued { .. } => {
            state.dequeue(run);
            state.end(run, RunState::Cancelled);
            changed.push(run);
        }
        RunState::Leased { lease } | RunState::Running { lease, .. } => {
            state.cancelling.insert(run);
            commands.push(Command::Stop(Claim {
                run,
                attempt: lease.attempt,
            }));
        }
        // It is about to have an outcome.
        RunState::Committing { .. } => {}
        _ => {}
    }
}
