//! `isoflop run`

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::args::{Folders, RunArgs, TrainerArgs};
use super::plan::changes;
use super::progress::Progress;
use super::report::conclude;
use super::sweep::{Sweep, open};
use super::{Exit, Failed, memory, output};
use crate::coordinator::{Cost, Options, Resumed, Summary, SweepLock, TextBytes, branches, drive, resume};
use crate::executor::{Slot, Trainer, slots};
use crate::run::{SweepDir, write_whole};
use crate::sweep::{Executor, Plan};
use crate::units::duration;

pub(super) fn main(args: &RunArgs) -> Result<Exit, Failed> {
    let began = Instant::now();
    let sweep = open(&args.file, &args.folders)?;
    let machine = Machine::find(&sweep.file.executor, &args.trainer)?;
    let _lock = SweepLock::take(&sweep.dir)?;
    let ready = prepare(sweep, args)?;
    go_on(&ready, machine, &args.folders, began)
}

/// Leaves all that `isoflop resume` needs with the results: the text as tokens, the plan, the sweep file.
fn prepare(sweep: Sweep, args: &RunArgs) -> Result<Ready, Failed> {
    sweep.data.store(&sweep.dir).map_err(|e| Failed::of_text(&sweep.file, &args.file, &e))?;
    let written = |path: PathBuf, result: io::Result<()>| {
        let hint = "free space or choose another `--results` folder";
        result.map_err(|e| Failed::new(Exit::Bug, format!("cannot write `{}`: {e}", path.display()), hint))
    };
    let (plan, file) = (sweep.dir.plan(), sweep.dir.sweep_file());
    written(plan.clone(), sweep.plan.write(&plan))?;
    written(file.clone(), write_whole(&file, sweep.written.as_bytes()))?;
    let text = sweep.text();
    Ok(Ready { plan: sweep.plan, dir: sweep.dir, executor: sweep.file.executor, text })
}

/// A sweep whose results folder holds all that its runs need.
pub(super) struct Ready {
    pub(super) plan: Plan,
    pub(super) dir: SweepDir,
    pub(super) executor: Executor,
    pub(super) text: TextBytes,
}

/// What runs execute on.
pub(super) struct Machine {
    slots: Vec<Slot>,
    trainer: Trainer,
}

impl Machine {
    /// Looks before anything is written.
    pub(super) fn find(executor: &Executor, trainer: &TrainerArgs) -> Result<Self, Failed> {
        let Executor::Local(local) = executor;
        Ok(Self { slots: slots(local)?, trainer: Trainer::find(trainer.trainer.as_deref())? })
    }
}

/// Trains what is not done, then fits and reports.
pub(super) fn go_on(sweep: &Ready, machine: Machine, folders: &Folders, began: Instant) -> Result<Exit, Failed> {
    let Executor::Local(local) = &sweep.executor;
    let Machine { slots, trainer } = machine;
    let resumed = resume(&sweep.dir, &sweep.plan);
    let memory = memory::estimates(&sweep.plan, sweep.text, &slots);
    let slots = memory::usable(&sweep.plan, &slots, &memory, &resumed.done)?;
    announce(sweep, &slots, &resumed);
    let branches = branches(&sweep.plan);
    let runs = sweep.plan.runs.iter().zip(&branches);
    let costs = runs.map(|(run, branch)| Cost::guessed(&run.spec, *branch).seconds).collect();
    let options = Options {
        trainer,
        slots,
        max_attempts: u32::try_from(local.max_attempts.value.0).unwrap_or(u32::MAX),
        stall: Duration::from_secs_f64(local.stall_seconds.value.0),
        checkpoint_seconds: local.checkpoint_seconds.value.0,
        costs,
        memory,
        branches,
    };
    let mut progress = Progress::new(&sweep.plan, &resumed.done, &options);
    let summary = drive(&sweep.dir, &sweep.plan, &resumed.done, options, &mut progress)?;
    progress.finish();
    conclude_run(sweep, folders, &summary, began)
}

fn announce(sweep: &Ready, slots: &[Slot], resumed: &Resumed) {
    let done = resumed.done.iter().filter(|done| **done).count();
    let found = if done > 0 { format!(", {done} of them done already") } else { String::new() };
    output::note(format!(
        "{}: {} runs{found}, {} side by side on {}",
        sweep.plan.name,
        sweep.plan.runs.len(),
        slots.len(),
        slots[0].device
    ));
    changes(resumed);
    sweep.plan.notes.iter().for_each(output::remark);
}

fn conclude_run(sweep: &Ready, folders: &Folders, summary: &Summary, began: Instant) -> Result<Exit, Failed> {
    let total = sweep.plan.runs.len();
    output::note(format!(
        "{} of {total} runs are done, after {}",
        summary.done,
        duration(began.elapsed().as_secs_f64())
    ));
    if summary.interrupted {
        output::note(
            "stopped; run the same command again to go on: finished runs are kept, the others have checkpoints",
        );
        return Ok(Exit::Interrupted);
    }
    let failed = failed_runs(&sweep.plan, summary);
    if summary.failed.iter().any(|run| run.failure.stops_sweep) {
        let hint = "mend the cause, then run the same command again: finished runs are kept";
        return Err(Failed::new(Exit::RunsFailed, format!("the sweep stopped\n{failed}"), hint));
    }
    if summary.done > 0 {
        let path = conclude(&sweep.dir, &sweep.plan, folders)?;
        output::line(format!("report: {}", path.display()));
    }
    if summary.failed.is_empty() {
        return Ok(Exit::Ok);
    }
    let hint = format!(
        "see `log.txt` of its last attempt in `{}`; run the same command again to try again: finished runs are kept",
        sweep.dir.runs().display()
    );
    Err(Failed::new(Exit::RunsFailed, format!("{} of {total} runs failed\n{failed}", summary.failed.len()), hint))
}

/// One line a failed run, the first few.
fn failed_runs(plan: &Plan, summary: &Summary) -> String {
    const SHOWN: usize = 10;
    let mut lines: Vec<String> = summary
        .failed
        .iter()
        .take(SHOWN)
        .map(|failed| {
            let run = &plan.runs[failed.run];
            let attempts =
                if failed.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", failed.attempts) };
            format!("  {} ({}), {attempts}: {}", run.label(), run.id, failed.failure.message)
        })
        .collect();
    if summary.failed.len() > SHOWN {
        lines.push(format!("  ... and {} more", summary.failed.len() - SHOWN));
    }
    lines.join("\n")
}
