//! A drive over a sweep, from a results folder that holds all that its runs need to its end.

use std::time::{Duration, Instant};

use super::drive_request::DriveRequest;
use super::engine::{engines, places};
use super::recorder::{Recorder, with_tables};
use super::{AppError, Listener, SessionEnd, memory};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{
    self, Observer, Options, Policy, SweepLock, TakenUp, TextBytes, branches, disk_reserve, drive,
    guessed_seconds, seat,
};
use isoflop_dispatch::executor::{Engines, Slot};
use isoflop_sweep::{At, Count, Executor, Plan, SweepFile};

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
    began: Instant,
    lock: SweepLock,
}

impl Session {
    /// Takes a sweep up, under its lock.
    pub(crate) fn begin(
        sweep: Ready,
        engine: Engine,
        request: &DriveRequest,
        (began, lock): (Instant, SweepLock),
        listener: &mut dyn Listener,
    ) -> Result<Self, AppError> {
        let mut taken_up = coordinator::resume(&sweep.dir, &sweep.plan)?;
        let Engine { mut slots, engines } = engine;
        seat(&mut taken_up, &sweep.dir, &sweep.plan, &engines, &mut slots);
        let engine = Engine { slots, engines };
        let options = options(&sweep, engine, &taken_up, request, listener)?;
        Ok(Self {
            plan: sweep.plan,
            dir: sweep.dir,
            file: sweep.file,
            taken_up,
            options,
            began,
            lock,
        })
    }

    /// Trains what is not done.
    ///
    /// # Errors
    /// [`AppError`] where the coordinator itself cannot go on; what ran was stopped, and left checkpoints.
    pub fn drive(self, observer: &mut dyn Observer) -> Result<SessionEnd, AppError> {
        let (dir, plan) = (&self.dir, &self.plan);
        let (summary, tables) = with_tables(dir, plan, |ended| {
            let mut recorder = Recorder {
                shown: observer,
                ended,
            };
            drive(dir, plan, self.taken_up, self.options, &mut recorder)
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
    engine: Engine,
    taken_up: &TakenUp,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Options, AppError> {
    let (policy, Engine { slots, engines }) = (&sweep.file.policy, engine);
    let memory = memory::estimates(&sweep.plan, sweep.text, &slots);
    let (machine, _) = memory::usable(
        &sweep.plan,
        &slots,
        &memory,
        &taken_up.resumed.done,
        listener,
    )?;
    let runs = &sweep.plan.runs;
    let branches = branches(&sweep.plan);
    let costs = runs
        .iter()
        .zip(&branches)
        .map(|(run, branch)| guessed_seconds(&run.spec, *branch))
        .collect();
    let count = |count: &At<Count>| u32::try_from(count.value.0).unwrap_or(u32::MAX);
    let reserve = || disk_reserve(runs.iter().map(|run| &run.spec), slots.len());
    Ok(Options {
        engines,
        detach: request.detach,
        policy: Policy {
            order: policy.order,
            max_crashes: count(&policy.max_attempts),
            max_runs: request.max_runs,
            retry_after: (policy.retry_seconds.value.0 * 1e3) as u64,
        },
        machine,
        stall: Duration::from_secs_f64(policy.stall_seconds.value.0),
        time_limit: policy
            .max_run_seconds
            .as_ref()
            .map(|limit| Duration::from_secs_f64(limit.value.0)),
        checkpoint_seconds: policy.checkpoint_seconds.value.0,
        disk_reserve: policy
            .disk_reserve_bytes
            .as_ref()
            .map_or_else(reserve, |bytes| bytes.value.0),
        slots,
        costs,
        memory,
        branches,
    })
}
