//! What is to be written down: all that is decided in one turn of the loop goes into one transaction.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::DriveError;
use crate::coordinator::schedule::{Claim, RunIndex, SlotIndex, State};
use crate::store::{Change, Failure, Fence, Record, Store, Written};
use isoflop_sweep::Plan;

/// The coordinator's hand on the store.
pub(super) struct Ledger<'a> {
    plan: &'a Plan,
    store: &'a mut Store,
    /// The leases that the store knows.
    leases: BTreeMap<RunIndex, (u32, Fence)>,
    entries: Vec<Entry>,
    /// Runs whose record only informs: it is written with the next entry, or when time is.
    informing: BTreeSet<RunIndex>,
}

/// Something to be written down.
struct Entry {
    run: RunIndex,
    record: Record,
    kind: Kind,
}

enum Kind {
    Lease(SlotIndex),
    Ended(Fence, Option<Failure>, Option<f64>),
    Free,
}

/// How an attempt ended.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    pub(super) failure: Option<Failure>,
    /// The outcome's loss, nats/token.
    pub(super) loss: Option<f64>,
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

    pub(super) fn store(&mut self) -> &mut Store {
        self.store
    }

    /// Notes that a run's record is another; `end` says how the attempt ended that held it, if it did.
    pub(super) fn note(&mut self, state: &State, run: RunIndex, end: &End) {
        let record = state.record(run).clone();
        let lease = record.state.lease();
        let held = self.leases.get(&run).copied();
        if let Some((attempt, fence)) = held
            && lease.is_none_or(|lease| lease.attempt != attempt)
        {
            self.leases.remove(&run);
            self.informing.remove(&run);
            let kind = Kind::Ended(fence, end.failure.clone(), end.loss);
            self.entries.push(Entry {
                run,
                record: record.clone(),
                kind,
            });
        }
        match lease {
            // Its token is known when it is written; until then nothing else can happen to it.
            Some(lease) if held.is_none_or(|(attempt, _)| attempt != lease.attempt) => {
                self.entries.push(Entry {
                    run,
                    record,
                    kind: Kind::Lease(lease.slot),
                });
            }
            Some(_) => drop(self.informing.insert(run)),
            None if held.is_none() => self.entries.push(Entry {
                run,
                record,
                kind: Kind::Free,
            }),
            None => {}
        }
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
        let plan = self.plan;
        let id = |run: RunIndex| &plan.runs[run].id;
        let held = self
            .informing
            .iter()
            .filter_map(|run| Some((*run, self.leases.get(run)?.1)));
        let held = held.map(|(run, fence)| {
            let record = state.record(run);
            (
                run,
                record.attempts,
                Change::Held {
                    run: id(run),
                    fence,
                    record,
                },
            )
        });
        let entries = self.entries.iter().map(|Entry { run, record, kind }| {
            let change = match kind {
                Kind::Lease(slot) => Change::Lease {
                    run: id(*run),
                    record,
                    slot: *slot,
                },
                Kind::Ended(fence, failure, loss) => Change::Ended {
                    run: id(*run),
                    fence: *fence,
                    record,
                    failure: failure.as_ref(),
                    loss: *loss,
                },
                Kind::Free => Change::Free {
                    run: id(*run),
                    record,
                    loss: None,
                },
            };
            (*run, record.attempts, change)
        });
        let (about, changes): (Vec<_>, Vec<_>) = held
            .chain(entries)
            .map(|(run, attempt, change)| ((run, attempt), change))
            .unzip();
        for ((run, attempt), written) in about.into_iter().zip(self.store.write(&changes)?) {
            match written {
                Written::Yes => {}
                Written::Leased(fence) => drop(self.leases.insert(run, (attempt, fence))),
                Written::Stale => {
                    return Err(DriveError::Stale {
                        run: id(run).to_string(),
                        attempt,
                    });
                }
            }
        }
        self.entries.clear();
        self.informing.clear();
        Ok(())
    }

    /// The fencing token of an attempt, if its lease is written down.
    pub(super) fn token(&self, claim: Claim) -> Option<String> {
        let (_, fence) = self
            .leases
            .get(&claim.run)
            .filter(|(attempt, _)| *attempt == claim.attempt)?;
        Some(self.store.token(*fence))
    }
}
