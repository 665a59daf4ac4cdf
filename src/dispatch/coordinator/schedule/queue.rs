//! Runs that may start, so kept that the next one is found without looking at all of them: a sweep may have 100,000.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Moment, RunIndex};

/// Runs that may start now, and runs that wait out a back-off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Queue {
    /// By the memory that they need: there are few such sizes. Within one, by rank.
    ready: BTreeMap<u64, BTreeSet<(usize, RunIndex)>>,
    asleep: BTreeSet<(Moment, RunIndex)>,
}

impl Queue {
    pub(super) fn push(&mut self, run: RunIndex, rank: usize, memory: u64) {
        self.ready.entry(memory).or_default().insert((rank, run));
    }

    pub(super) fn sleep(&mut self, run: RunIndex, until: Moment) {
        self.asleep.insert((until, run));
    }

    /// Takes out the first run by rank that needs no more than `room`, or whatever it needs where `room` is none.
    pub(super) fn pop(&mut self, room: Option<u64>) -> Option<RunIndex> {
        let fitting = self.ready.range(..=room.unwrap_or(u64::MAX));
        let (memory, first) = fitting
            .filter_map(|(memory, runs)| Some((*memory, *runs.first()?)))
            .min_by_key(|(_, first)| *first)?;
        self.take(memory, first);
        Some(first.1)
    }

    /// Takes a run out, wherever it waits.
    pub(super) fn remove(&mut self, run: RunIndex, rank: usize, memory: u64) {
        self.take(memory, (rank, run));
        self.asleep.retain(|(_, asleep)| *asleep != run);
    }

    fn take(&mut self, memory: u64, first: (usize, RunIndex)) {
        if let Some(runs) = self.ready.get_mut(&memory) {
            runs.remove(&first);
            if runs.is_empty() {
                self.ready.remove(&memory);
            }
        }
    }

    /// Takes out one run whose time has come.
    pub(super) fn awake(&mut self, now: Moment) -> Option<RunIndex> {
        self.asleep.first().filter(|(until, _)| *until <= now)?;
        self.asleep.pop_first().map(|(_, run)| run)
    }

    /// When the next run's time comes.
    pub(super) fn next_awake(&self) -> Option<Moment> {
        self.asleep.first().map(|(until, _)| *until)
    }

    /// Leaves only the runs that are `wanted`.
    pub(super) fn retain(&mut self, wanted: impl Fn(RunIndex) -> bool) {
        self.ready
            .values_mut()
            .for_each(|runs| runs.retain(|(_, run)| wanted(*run)));
        self.ready.retain(|_, runs| !runs.is_empty());
        self.asleep.retain(|(_, run)| wanted(*run));
    }

    /// Memory of the smallest run that may start now, bytes.
    pub(super) fn least_memory(&self) -> Option<u64> {
        self.ready.keys().next().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.asleep.is_empty()
    }
}
