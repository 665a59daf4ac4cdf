//! Sessions: a drive over a sweep whose results folder contains all that the runs need.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;
use std::{panic, thread};

use super::drive_request::DriveRequest;
use super::engine::{engine_slots, engines};
use super::{AppError, Listener, SessionEnd, memory};
use isoflop_core::run::{Outcome, RunId, SweepDir};
use isoflop_dispatch::coordinator::{
    self, DriveOptions, Observer, ResumedSweep, SchedulePolicy, SlotCapacity, SweepLock, TextBytes,
    TrunkBranch, assign_held_slots, branches, disk_reserve, drive, guessed_seconds,
};
use isoflop_dispatch::executor::{Engines, Slot};
use isoflop_sweep::{EngineEntry, Plan, PlannedRun, SweepFile};
use isoflop_table::follow;

/// A sweep whose results folder contains all that its runs need.
pub(crate) struct PlannedSession {
    pub(crate) plan: Plan,
    pub(crate) dir: SweepDir,
    pub(crate) file: SweepFile,
    pub(crate) text: TextBytes,
}

/// Engines and slots of a session.
pub(crate) struct SessionEngine {
    slots: Vec<Slot>,
    engines: Engines,
}

impl SessionEngine {
    /// Creates the engines and slots of a sweep, before any file is written.
    pub(crate) fn find(
        file: &SweepFile,
        dir: &SweepDir,
        request: &DriveRequest,
        listener: &mut dyn Listener,
    ) -> Result<Self, AppError> {
        let executors = &file.executor.value;
        if request.detach && !executors.iter().all(EngineEntry::outlives_coordinator) {
            let message = "`--detach` needs an engine that continues without isoflop, but runs on this machine end with it and workers deliver to it";
            let hint = "start isoflop without `--detach`, with `nohup` or in `tmux`, or use `executor: slurm`, `ray` or `command`";
            return Err(AppError::usage(message, hint));
        }
        Ok(Self {
            slots: engine_slots(executors)?,
            engines: engines(file, dir, request, listener)?,
        })
    }
}

/// A sweep that is locked and ready to be driven. Its runs are not started yet.
#[derive(Debug)]
pub struct Session {
    /// Its runs.
    pub plan: Plan,
    /// Its results folder.
    pub dir: SweepDir,
    /// Its sweep file, with the engines and the policy.
    pub file: SweepFile,
    /// States of its runs, and what an earlier session left.
    pub resumed_sweep: ResumedSweep,
    /// Options of the drive.
    pub options: DriveOptions,
    outcomes: Receiver<(RunId, Outcome)>,
    began: Instant,
    lock: SweepLock,
}

impl Session {
    /// Opens a session under the sweep's lock.
    pub(crate) fn begin(
        sweep: PlannedSession,
        mut engine: SessionEngine,
        request: &DriveRequest,
        (began, lock): (Instant, SweepLock),
        listener: &mut dyn Listener,
    ) -> Result<Self, AppError> {
        let mut taken_up = coordinator::resume(&sweep.dir, &sweep.plan)?;
        let SessionEngine { engines, slots } = &mut engine;
        assign_held_slots(&mut taken_up, &sweep.dir, &sweep.plan, engines, slots);
        let (committed, outcomes) = mpsc::channel();
        let memory = memory::estimates(&sweep.plan, sweep.text, &engine.slots);
        let done = &taken_up.resumed.done;
        let (machine, _) = memory::usable(&sweep.plan, &engine.slots, &memory, done, listener)?;
        let options = options(&sweep, engine, request, machine, memory, committed);
        Ok(Self {
            plan: sweep.plan,
            dir: sweep.dir,
            file: sweep.file,
            resumed_sweep: taken_up,
            options,
            outcomes,
            began,
            lock,
        })
    }

    /// Number of runs that are done.
    pub fn done(&self) -> usize {
        self.resumed_sweep.resumed.done_count()
    }

    /// Trains the unfinished runs.
    ///
    /// # Errors
    /// [`AppError`] if the coordinator cannot continue. Running attempts were stopped, and left
    /// checkpoints.
    pub fn drive(self, observer: &mut dyn Observer) -> Result<SessionEnd, AppError> {
        // The tables are updated with each outcome until the drive, which sends the outcomes, ends.
        let (summary, tables) = thread::scope(|scope| {
            let (dir, plan, outcomes) = (&self.dir, &self.plan, self.outcomes);
            let following = scope.spawn(move || follow(dir, plan, &outcomes));
            let summary = drive(dir, plan, self.resumed_sweep, self.options, observer);
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
    sweep: &PlannedSession,
    SessionEngine { slots, engines }: SessionEngine,
    request: &DriveRequest,
    machine: SlotCapacity,
    memory: Vec<u64>,
    outcomes: Sender<(RunId, Outcome)>,
) -> DriveOptions {
    let policy = &sweep.file.policy;
    let runs = &sweep.plan.runs;
    let branches = branches(&sweep.plan);
    let cost =
        |(run, branch): (&PlannedRun, &Option<TrunkBranch>)| guessed_seconds(&run.spec, *branch);
    let limit = policy.max_run_seconds.as_ref();
    let reserve = policy.disk_reserve_bytes.as_ref();
    DriveOptions {
        engines,
        detach: request.detach,
        policy: SchedulePolicy {
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
