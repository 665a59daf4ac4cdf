//! A drive over a sweep, from a results folder that holds all that its runs need to its end.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;
use std::{panic, thread};

use super::drive_request::DriveRequest;
use super::engine::{engines, places};
use super::{AppError, Listener, SessionEnd, memory};
use isoflop_core::run::{Outcome, RunId, SweepDir};
use isoflop_dispatch::coordinator::{
    self, Branch, Machine, Observer, Options, Policy, SweepLock, TakenUp, TextBytes, branches,
    disk_reserve, drive, guessed_seconds, seat,
};
use isoflop_dispatch::executor::{Engines, Slot};
use isoflop_sweep::{Executor, Plan, PlannedRun, SweepFile};
use isoflop_table::follow;

/// A sweep whose results folder holds all that its runs need.
pub(crate) struct Ready {
    pub(crate) plan: Plan,
    pub(crate) dir: SweepDir,
    pub(crate) file: SweepFile,
    pub(crate) text: TextBytes,
}

/// What runs execute on.
pub(crate) struct Engine {
    slots: Vec<Slot>,
    engines: Engines,
}

impl Engine {
    /// Looks before anything is written.
    pub(crate) fn find(
        file: &SweepFile,
        dir: &SweepDir,
        request: &DriveRequest,
        listener: &mut dyn Listener,
    ) -> Result<Self, AppError> {
        let executors = &file.executor.value;
        if request.detach && !executors.iter().all(Executor::outlives_coordinator) {
            let message = "`--detach` needs an engine that goes on without isoflop; runs on this machine end with it, and workers deliver to it";
            let hint = "leave it out, and start it with `nohup` or in `tmux`; or use `executor: slurm`, `ray` or `command`";
            return Err(AppError::usage(message, hint));
        }
        Ok(Self {
            slots: places(executors)?,
            engines: engines(file, dir, request, listener)?,
        })
    }
}

/// A sweep that is taken up and locked: nothing is started yet.
#[derive(Debug)]
pub struct Session {
    /// Its runs.
    pub plan: Plan,
    /// Its results.
    pub dir: SweepDir,
    /// Where and how its runs execute.
    pub file: SweepFile,
    /// How its runs stand, and what was found of an earlier session.
    pub taken_up: TakenUp,
    /// How it is driven.
    pub options: Options,
    outcomes: Receiver<(RunId, Outcome)>,
    began: Instant,
    lock: SweepLock,
}

impl Session {
    /// Takes a sweep up, under its lock.
    pub(crate) fn begin(
        sweep: Ready,
        mut engine: Engine,
        request: &DriveRequest,
        (began, lock): (Instant, SweepLock),
        listener: &mut dyn Listener,
    ) -> Result<Self, AppError> {
        let mut taken_up = coordinator::resume(&sweep.dir, &sweep.plan)?;
        let Engine { engines, slots } = &mut engine;
        seat(&mut taken_up, &sweep.dir, &sweep.plan, engines, slots);
        let (committed, outcomes) = mpsc::channel();
        let memory = memory::estimates(&sweep.plan, sweep.text, &engine.slots);
        let done = &taken_up.resumed.done;
        let (machine, _) = memory::usable(&sweep.plan, &engine.slots, &memory, done, listener)?;
        let options = options(&sweep, engine, request, machine, memory, committed);
        Ok(Self {
            plan: sweep.plan,
            dir: sweep.dir,
            file: sweep.file,
            taken_up,
            options,
            outcomes,
            began,
            lock,
        })
    }

    /// Runs that are done.
    pub fn done(&self) -> usize {
        self.taken_up.resumed.done_count()
    }

    /// Trains what is not done.
    ///
    /// # Errors
    /// [`AppError`] where the coordinator itself cannot go on; what ran was stopped, and left checkpoints.
    pub fn drive(self, observer: &mut dyn Observer) -> Result<SessionEnd, AppError> {
        // The tables follow the outcomes until the drive, which tells of them, is over.
        let (summary, tables) = thread::scope(|scope| {
            let (dir, plan, outcomes) = (&self.dir, &self.plan, self.outcomes);
            let following = scope.spawn(move || follow(dir, plan, &outcomes));
            let summary = drive(dir, plan, self.taken_up, self.options, observer);
            let tables = following.join();
            let tables = tables.unwrap_or_else(|panicked| panic::resume_unwind(panicked));
            (summary, tables)
        });
        Ok(SessionEnd {
            summary: summary?,
            tables: tables.map_err(AppError::from),
            plan: self.plan,
            dir: self.dir,
            seconds: self.began.elapsed().as_secs_f64(),
            _lock: self.lock,
        })
    }
}

fn options(
    sweep: &Ready,
    Engine { slots, engines }: Engine,
    request: &DriveRequest,
    machine: Machine,
    memory: Vec<u64>,
    outcomes: Sender<(RunId, Outcome)>,
) -> Options {
    let policy = &sweep.file.policy;
    let runs = &sweep.plan.runs;
    let branches = branches(&sweep.plan);
    let cost = |(run, branch): (&PlannedRun, &Option<Branch>)| guessed_seconds(&run.spec, *branch);
    let limit = policy.max_run_seconds.as_ref();
    let reserve = policy.disk_reserve_bytes.as_ref();
    Options {
        engines,
        detach: request.detach,
        policy: Policy {
            order: policy.order,
            max_crashes: u32::try_from(policy.max_attempts.value.0).unwrap_or(u32::MAX),
            max_runs: request.max_runs,
            retry_after: (policy.retry_seconds.value.0 * 1e3) as u64,
        },
        machine,
        stall: policy.stall_seconds.value.seconds(),
        time_limit: limit.map(|limit| limit.value.seconds()),
        checkpoint_seconds: policy.checkpoint_seconds.value.0,
        disk_reserve: reserve.map_or_else(
            || disk_reserve(runs.iter().map(|run| &run.spec), slots.len()),
            |bytes| bytes.value.0,
        ),
        slots,
        costs: runs.iter().zip(&branches).map(cost).collect(),
        memory,
        branches,
        outcomes,
    }
}
