//! `isoflop run` and `isoflop resume`

use super::args::{DriveArgs, ResumeArgs, RunArgs};
use super::common_args::{Folders, TrainerArgs};
use super::conclusion::conclude;
use super::events::JsonEvents;
use super::plan::leftovers;
use super::progress::Progress;
use super::terminal::Terminal;
use super::{Exit, output};
use isoflop_app::{AppError, DriveRequest, ListenOptions, Session, by_engine, resume, run, unlike};
use isoflop_dispatch::coordinator::Resumed;

pub(super) fn run_main(args: &RunArgs) -> Result<Exit, AppError> {
    let request = request(&args.drive, &args.trainer);
    let results = &args.folders.results;
    let session = run(&args.file, results, &request, &mut Terminal::new())?;
    drive(session, &args.drive, &args.folders)
}

pub(super) fn resume_main(args: &ResumeArgs) -> Result<Exit, AppError> {
    let request = request(&args.drive, &args.trainer);
    let results = &args.folders.results;
    let session = resume(&args.sweep, results, &request, &mut Terminal::new())?;
    drive(session, &args.drive, &args.folders)
}

fn request(args: &DriveArgs, trainer: &TrainerArgs) -> DriveRequest {
    let listen = &args.listen;
    DriveRequest {
        max_runs: args.max_runs,
        detach: args.detach,
        trainer: trainer.trainer.clone(),
        listen: ListenOptions {
            address: listen.listen,
            certificate: listen.cert.clone(),
            key: listen.key.clone(),
            workers: listen.workers.clone(),
        },
    }
}

/// Trains what is not done, then fits and reports.
fn drive(session: Session, args: &DriveArgs, folders: &Folders) -> Result<Exit, AppError> {
    announce(&session);
    let end = if args.json {
        let mut events = JsonEvents::new(&session);
        session.drive(&mut events)?
    } else {
        let mut progress = Progress::new(&session);
        let end = session.drive(&mut progress);
        progress.finish();
        end?
    };
    conclude(&end, args.json, &folders.reports)
}

/// Says how a sweep stands before anything is started.
fn announce(session: &Session) {
    let (plan, taken_up) = (&session.plan, &session.taken_up);
    let (resumed, slots) = (&taken_up.resumed, &session.options.slots);
    let done = resumed.done.iter().filter(|done| **done).count();
    let found = if done > 0 {
        format!(", {done} of them done already")
    } else {
        String::new()
    };
    output::note(format!(
        "{}: {} runs{found}, {} side by side{}",
        plan.name,
        plan.runs.len(),
        slots.len(),
        by_engine(&session.file.executor.value, slots).map_or_else(
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
    leftovers(plan, resumed);
    given_up(&plan.name, resumed);
    plan.notes.iter().for_each(output::remark);
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
