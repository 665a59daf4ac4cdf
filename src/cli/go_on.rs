//! What `run` and `resume` share: from a sweep whose results folder holds all that its runs need, to its end.

use std::time::{Duration, Instant};

use super::args::{DriveArgs, Folders, TrainerArgs};
use super::conclusion::conclude_run;
use super::engine::{by_engine, engines, outlives_us, places, unlike};
use super::events::JsonEvents;
use super::plan::changes;
use super::progress::Progress;
use super::recorder::{Recorder, with_tables};
use super::{Exit, Failed, memory, output};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::{
    Cost, Observer, Options, Policy, Resumed, TakenUp, TextBytes, branches, disk_reserve, drive,
    resume, seat,
};
use isoflop_dispatch::executor::{Engines, Slot};
use isoflop_sweep::{At, Count, Executor, Plan};

/// A sweep whose results folder holds all that its runs need.
pub(super) struct Ready {
    pub(super) plan: Plan,
    pub(super) dir: SweepDir,
    pub(super) executor: Executor,
    pub(super) text: TextBytes,
}

/// What runs execute on.
pub(super) struct Engine {
    slots: Vec<Slot>,
    engines: Engines,
}

impl Engine {
    /// Looks before anything is written.
    pub(super) fn find(
        executor: &Executor,
        dir: &SweepDir,
        trainer: &TrainerArgs,
        drive: &DriveArgs,
    ) -> Result<Self, Failed> {
        if drive.detach && !outlives_us(executor) {
            let message = "`--detach` needs an engine that goes on without isoflop; runs on this machine end with it, and workers deliver to it";
            let hint = "leave it out, and start it with `nohup` or in `tmux`; or use `executor: slurm`, `ray` or `command`";
            return Err(Failed::new(Exit::Usage, message, hint));
        }
        Ok(Self {
            slots: places(executor)?,
            engines: engines(executor, dir, trainer, &drive.listen)?,
        })
    }
}

/// Trains what is not done, then fits and reports.
pub(super) fn go_on(
    sweep: &Ready,
    engine: Engine,
    args: &DriveArgs,
    folders: &Folders,
    began: Instant,
) -> Result<Exit, Failed> {
    let mut taken_up = resume(&sweep.dir, &sweep.plan)?;
    let Engine { mut slots, engines } = engine;
    seat(&mut taken_up, &sweep.dir, &sweep.plan, &engines, &mut slots);
    let options = options(sweep, Engine { slots, engines }, &taken_up, args)?;
    announce(sweep, &options.slots, &taken_up);
    let (dir, plan) = (&sweep.dir, &sweep.plan);
    let (summary, tables) = with_tables(dir, plan, |ended| {
        let drive = |taken_up, options, shown: &mut dyn Observer| {
            drive(dir, plan, taken_up, options, &mut Recorder { shown, ended })
        };
        if args.json {
            let mut events = JsonEvents::new(plan, &taken_up.resumed, &options);
            return drive(taken_up, options, &mut events);
        }
        let mut progress = Progress::new(plan, &taken_up.resumed.done, &options);
        let summary = drive(taken_up, options, &mut progress);
        progress.finish();
        summary
    });
    conclude_run(sweep, &summary?, tables, args.json, folders, began)
}

fn options(
    sweep: &Ready,
    engine: Engine,
    taken_up: &TakenUp,
    args: &DriveArgs,
) -> Result<Options, Failed> {
    let (treatment, Engine { slots, engines }) = (sweep.executor.treatment(), engine);
    let memory = memory::estimates(&sweep.plan, sweep.text, &slots);
    let (machine, _) = memory::usable(&sweep.plan, &slots, &memory, &taken_up.resumed.done)?;
    let runs = &sweep.plan.runs;
    let branches = branches(&sweep.plan);
    let costs = runs
        .iter()
        .zip(&branches)
        .map(|(run, branch)| Cost::guessed(&run.spec, *branch).seconds)
        .collect();
    let count = |count: &At<Count>| u32::try_from(count.value.0).unwrap_or(u32::MAX);
    let reserve = || disk_reserve(runs.iter().map(|run| &run.spec), slots.len());
    Ok(Options {
        engines,
        detach: args.detach,
        policy: Policy {
            order: treatment.order,
            max_crashes: count(treatment.max_attempts),
            max_runs: args.max_runs,
            retry_after: (treatment.retry_seconds.value.0 * 1e3) as u64,
        },
        machine,
        stall: Duration::from_secs_f64(treatment.stall_seconds.value.0),
        time_limit: treatment
            .max_run_seconds
            .map(|limit| Duration::from_secs_f64(limit.value.0)),
        checkpoint_seconds: treatment.checkpoint_seconds.value.0,
        disk_reserve: treatment
            .disk_reserve_bytes
            .map_or_else(reserve, |bytes| bytes.value.0),
        slots,
        costs,
        memory,
        branches,
    })
}

fn announce(sweep: &Ready, slots: &[Slot], taken_up: &TakenUp) {
    let resumed = &taken_up.resumed;
    let done = resumed.done.iter().filter(|done| **done).count();
    let found = if done > 0 {
        format!(", {done} of them done already")
    } else {
        String::new()
    };
    output::note(format!(
        "{}: {} runs{found}, {} side by side{}",
        sweep.plan.name,
        sweep.plan.runs.len(),
        slots.len(),
        by_engine(&sweep.executor, slots).map_or_else(
            || format!(" on {}", slots[0].device),
            |engines| format!(": {engines}")
        )
    ));
    unlike(slots).into_iter().for_each(output::remark);
    if let Some((aside, reason)) = &taken_up.set_aside {
        output::warning(format!(
            "the store was damaged ({reason}) and is made anew from the results; the old one is `{}`",
            aside.display()
        ));
    }
    if !taken_up.held.is_empty() {
        output::note(format!(
            "{} attempts that were given to the engine before are followed",
            taken_up.held.len()
        ));
    }
    if taken_up.survivors > 0 {
        let count = taken_up.survivors;
        output::warning(format!(
            "{count} trainers of an earlier isoflop were still there, and are ended"
        ));
    }
    changes(&sweep.plan, resumed);
    given_up(&sweep.plan.name, resumed);
    sweep.plan.notes.iter().for_each(output::remark);
}

/// Runs that stay as they are.
fn given_up(name: &str, resumed: &Resumed) {
    let failed = resumed.count("failed") + resumed.count("quarantined");
    if failed > 0 {
        output::warning(format!(
            "{failed} runs failed before and are left alone; `isoflop retry --failed {name}` queues them again"
        ));
    }
    let cancelled = resumed.count("cancelled");
    if cancelled > 0 {
        output::remark(format!(
            "{cancelled} runs were cancelled and are left alone; `isoflop retry RUN` queues one again"
        ));
    }
}
