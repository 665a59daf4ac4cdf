//! Keeps the tables of a sweep up to date beside what is shown of it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::ScopedJoinHandle;
use std::{panic, thread};

use isoflop_core::run::{Event, Outcome, RunId, SweepDir};
use isoflop_dispatch::coordinator::{DiskRoom, Observer};
use isoflop_dispatch::executor::Trouble;
use isoflop_dispatch::store::{Failure, Record};
use isoflop_sweep::{Plan, PlannedRun};
use isoflop_table::{TableError, Tables, follow};

/// Does `work` while the tables follow the outcomes that are told to the sender. The tables stand when this returns.
pub(crate) fn with_tables<T>(
    dir: &SweepDir,
    plan: &Plan,
    work: impl FnOnce(Sender<(RunId, Outcome)>) -> T,
) -> (T, Result<Tables, TableError>) {
    let (ended, outcomes): (_, Receiver<(RunId, Outcome)>) = mpsc::channel();
    thread::scope(|scope| {
        let following = scope.spawn(move || follow(dir, plan, &outcomes));
        (work(ended), joined(following))
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// Shows what happens, and tells the tables what was committed.
pub(crate) struct Recorder<'a> {
    pub(crate) shown: &'a mut dyn Observer,
    pub(crate) ended: Sender<(RunId, Outcome)>,
}

impl Observer for Recorder<'_> {
    fn committed(&mut self, slot: usize, run: &PlannedRun, outcome: &Outcome) {
        // The receiver is gone only after a panic, which is raised again at the end.
        let _ = self.ended.send((run.id.clone(), outcome.clone()));
        self.shown.committed(slot, run, outcome);
    }

    fn started(&mut self, slot: usize, run: &PlannedRun, attempt: u32, waits: bool) {
        self.shown.started(slot, run, attempt, waits);
    }

    fn began(&mut self, slot: usize, run: &PlannedRun) {
        self.shown.began(slot, run);
    }

    fn advanced(&mut self, slot: usize, run: &PlannedRun, event: &Event) {
        self.shown.advanced(slot, run, event);
    }

    fn failed(&mut self, slot: usize, run: &PlannedRun, failure: &Failure, record: &Record) {
        self.shown.failed(slot, run, failure, record);
    }

    fn changed(&mut self, run: &PlannedRun, record: &Record) {
        self.shown.changed(run, record);
    }

    fn disk(&mut self, room: DiskRoom) {
        self.shown.disk(room);
    }

    fn trouble(&mut self, engine: &str, trouble: &Trouble, is_over: bool) {
        self.shown.trouble(engine, trouble, is_over);
    }

    fn tick(&mut self) {
        self.shown.tick();
    }

    fn interrupted(&mut self, again: bool) {
        self.shown.interrupted(again);
    }
}
