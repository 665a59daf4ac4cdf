//! What is to be written down: all that is decided in one turn of the loop goes into one transaction.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::DriveError;
use crate::coordinator::schedule::{Claim, RunIndex, State};
use crate::store::{Change, End, Fence, LeaseChange, Store, Written};
use isoflop_sweep::Plan;

/// The coordinator's hand on the store.
pub(super) struct Ledger<'a> {
    plan: &'a Plan,
    pub(super) store: &'a mut Store,
    /// The leases that the store knows.
    leases: BTreeMap<RunIndex, (u32, Fence)>,
    entries: Vec<(RunIndex, Change)>,
    /// Runs whose record only informs: it is written with the next entry, or when time is.
    informing: BTreeSet<RunIndex>,
}

impl<'a> Ledger<'a> {
    /// With the attempts that hold runs already.
    pub(super) fn new(
        plan: &'a Plan,
        store: &'a mut Store,
        leases: BTreeMap<RunIndex, (u32, Fence)>,
    ) -> Self {
        Self {
            plan,
            store,
            leases,
            entries: Vec::new(),
            informing: BTreeSet::new(),
        }
    }

    /// Notes that a run's record is another; `end` says how the attempt ended that held it, if it did.
    pub(super) fn note(&mut self, state: &State, run: RunIndex, end: &End) {
        let lease = state.record(run).state.lease();
        let held = self.leases.get(&run).copied();
        if let Some((attempt, fence)) = held
            && lease.is_none_or(|lease| lease.attempt != attempt)
        {
            self.leases.remove(&run);
            self.informing.remove(&run);
            self.enter(state, run, LeaseChange::Ended(fence, end.clone()));
        }
        match lease {
            // Its token is known when it is written; until then nothing else can happen to it.
            Some(lease) if held.is_none_or(|(attempt, _)| attempt != lease.attempt) => {
                self.enter(state, run, LeaseChange::Made(lease.slot));
            }
            Some(_) => drop(self.informing.insert(run)),
            None if held.is_none() => self.enter(state, run, LeaseChange::Absent(None)),
            None => {}
        }
    }

    fn enter(&mut self, state: &State, run: RunIndex, lease: LeaseChange) {
        let change = Change {
            run: self.plan.runs[run].id.clone(),
            record: state.record(run).clone(),
            lease,
        };
        self.entries.push((run, change));
    }

    /// Writes down what must be, with what only informs.
    pub(super) fn write(&mut self, state: &State) -> Result<(), DriveError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.write_all(state)
    }

    /// Writes down what is noted, be it only information.
    pub(super) fn write_all(&mut self, state: &State) -> Result<(), DriveError> {
        for run in std::mem::take(&mut self.informing) {
            if let Some((_, fence)) = self.leases.get(&run) {
                self.enter(state, run, LeaseChange::Kept(*fence));
            }
        }
        let (runs, changes): (Vec<_>, Vec<_>) = self.entries.drain(..).unzip();
        let written = self.store.write(&changes)?;
        for ((run, change), written) in runs.into_iter().zip(changes).zip(written) {
            let attempt = change.record.attempts;
            match written {
                Written::Yes => {}
                Written::Leased(fence) => drop(self.leases.insert(run, (attempt, fence))),
                Written::Stale => {
                    let run = change.run;
                    return Err(DriveError::Stale { run, attempt });
                }
            }
        }
        Ok(())
    }

    /// The fencing token of an attempt, if its lease is written down.
    pub(super) fn token(&self, claim: Claim) -> Option<String> {
        let (attempt, fence) = self.leases.get(&claim.run)?;
        (*attempt == claim.attempt).then(|| self.store.token(*fence))
    }
}
