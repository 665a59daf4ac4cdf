//! Queue of the runs that may start.
//!
//! It finds the next run without looking at all of them: a sweep can have 100,000.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{MonotonicTime, RunIndex};

/// Runs that may start now, and runs in a back-off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunQueue {
    /// Runs by the memory that they need, which has few distinct values, then by rank.
    ready: BTreeMap<u64, BTreeSet<(usize, RunIndex)>>,
    asleep: BTreeSet<(MonotonicTime, RunIndex)>,
}

impl RunQueue {
    pub(super) fn push(&mut self, run: RunIndex, rank: usize, memory: u64) {
        self.ready.entry(memory).or_default().insert((rank, run));
    }

    pub(super) fn sleep(&mut self, run: RunIndex, until: MonotonicTime) {
        self.asleep.insert((until, run));
    }

    /// Takes the first run by rank that needs at most `room` bytes; any run if `room` is `None`.
    pub(super) fn pop(&mut self, room: Option<u64>) -> Option<RunIndex> {
        let fitting = self.ready.range(..=room.unwrap_or(u64::MAX));
        let (memory, first) = fitting
            .filter_map(|(memory, runs)| Some((*memory, *runs.first()?)))
            .min_by_key(|(_, first)| *first)?;
        self.take(memory, first);
        Some(first.1)
    }

    /// Removes a run, ready or in a back-off.
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

    /// Takes one run whose back-off has ended.
    pub(super) fn pop_awake(&mut self, now: MonotonicTime) -> Option<RunIndex> {
        self.asleep.first().filter(|(until, _)| *until <= now)?;
        self.asleep.pop_first().map(|(_, run)| run)
    }

    /// The end of the next back-off.
    pub(super) fn next_awake(&self) -> Option<MonotonicTime> {
        self.asleep.first().map(|(until, _)| *until)
    }

    /// Keeps only the runs for which `wanted` returns true.
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
