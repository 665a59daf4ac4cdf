//! Pending changes to the store: one transaction for all decisions of one turn of the loop.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::DriveError;
use crate::coordinator::schedule::{AttemptId, RunIndex, ScheduleState};
use crate::store::{ChangeResult, FencingToken, LeaseChange, LeaseEnd, RunChange, Store};
use isoflop_sweep::Plan;

/// The coordinator's access to the store.
pub(super) struct RunLedger<'a> {
    plan: &'a Plan,
    pub(super) store: &'a mut Store,
    /// The leases in the store.
    leases: BTreeMap<RunIndex, (u32, FencingToken)>,
    entries: Vec<(RunIndex, RunChange)>,
    /// Runs with a change that is only informative. It is written with the next entry, or at
    /// the next look.
    informative: BTreeSet<RunIndex>,
}

impl<'a> RunLedger<'a> {
    /// Creates a ledger; `leases` has the attempts that hold a lease already.
    pub(super) fn new(
        plan: &'a Plan,
        store: &'a mut Store,
        leases: BTreeMap<RunIndex, (u32, FencingToken)>,
    ) -> Self {
        Self {
            plan,
            store,
            leases,
            entries: Vec::new(),
            informative: BTreeSet::new(),
        }
    }

    /// Adds the change of a run's record; `end` is the end of the attempt that had the lease, if it
    /// has ended.
    pub(super) fn add_change(&mut self, state: &ScheduleState, run: RunIndex, end: &LeaseEnd) {
        let lease = state.record(run).state.lease();
        let held = self.leases.get(&run).copied();
        if let Some((attempt, fence)) = held
            && lease.is_none_or(|lease| lease.attempt != attempt)
        {
            self.leases.remove(&run);
            self.informative.remove(&run);
            self.enter(state, run, LeaseChange::Ended(fence, end.clone()));
        }
        match lease {
            // The store issues the token with the write. No other change of the run can come
            // before.
            Some(lease) if held.is_none_or(|(attempt, _)| attempt != lease.attempt) => {
                self.enter(state, run, LeaseChange::Acquired(lease.slot));
            }
            Some(_) => drop(self.informative.insert(run)),
            None if held.is_none() => self.enter(state, run, LeaseChange::Absent(None)),
            None => {}
        }
    }

    fn enter(&mut self, state: &ScheduleState, run: RunIndex, lease: LeaseChange) {
        let change = RunChange {
            run: self.plan.runs[run].id.clone(),
            record: state.record(run).clone(),
            lease,
        };
        self.entries.push((run, change));
    }

    /// Writes all pending changes, if any of them must be written now.
    pub(super) fn write(&mut self, state: &ScheduleState) -> Result<(), DriveError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.write_all(state)
    }

    /// Writes all pending changes.
    pub(super) fn write_all(&mut self, state: &ScheduleState) -> Result<(), DriveError> {
        for run in std::mem::take(&mut self.informative) {
            if let Some((_, fence)) = self.leases.get(&run) {
                self.enter(state, run, LeaseChange::Kept(*fence));
            }
        }
        let (runs, changes): (Vec<_>, Vec<_>) = self.entries.drain(..).unzip();
        let written = self.store.write(&changes)?;
        for ((run, change), written) in runs.into_iter().zip(changes).zip(written) {
            let attempt = change.record.attempts;
            match written {
                ChangeResult::Yes => {}
                ChangeResult::Leased(fence) => drop(self.leases.insert(run, (attempt, fence))),
                ChangeResult::Stale => {
                    let run = change.run;
                    return Err(DriveError::Stale { run, attempt });
                }
            }
        }
        Ok(())
    }

    /// The fencing token of an attempt, if its lease is in the store.
    pub(super) fn token(&self, claim: AttemptId) -> Option<String> {
        let (attempt, fence) = self.leases.get(&claim.run)?;
        (*attempt == claim.attempt).then(|| self.store.token(*fence))
    }
}
