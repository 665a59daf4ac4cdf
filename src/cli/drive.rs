//! `isoflop run` and `isoflop resume`

use super::args::{DriveArgs, ResumeArgs, RunArgs};
use super::conclusion::conclude;
use super::events::JsonEvents;
use super::plan::leftovers;
use super::progress::Progress;
use super::terminal::Terminal;
use super::{Exit, output};
use isoflop_app::{AppError, DriveRequest, ListenOptions, Session, by_engine, resume, run, unlike};
use isoflop_dispatch::coordinator::{Resumed, TakenUp};

pub(super) fn run_main(RunArgs { file, drive }: &RunArgs) -> Result<Exit, AppError> {
    let (results, request) = (&drive.folders.results, request(drive));
    train(run(file, results, &request, &mut Terminal::new())?, drive)
}

pub(super) fn resume_main(ResumeArgs { sweep, drive }: &ResumeArgs) -> Result<Exit, AppError> {
    let (results, request) = (&drive.folders.results, request(drive));
    train(
        resume(sweep, results, &request, &mut Terminal::new())?,
        drive,
    )
}

fn request(args: &DriveArgs) -> DriveRequest {
    let listen = &args.listen;
    DriveRequest {
        max_runs: args.max_runs,
        detach: args.detach,
        trainer: args.trainer.trainer.clone(),
        listen: ListenOptions {
            address: listen.listen,
            certificate: listen.cert.clone(),
            key: listen.key.clone(),
            workers: listen.workers.clone(),
        },
    }
}

/// Trains what is not done, then fits and reports.
fn train(session: Session, args: &DriveArgs) -> Result<Exit, AppError> {
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
    conclude(&end, args.json, &args.folders.reports)
}

/// Says how a sweep stands before anything is started.
fn announce(session: &Session) {
    let (plan, slots) = (&session.plan, &session.options.slots);
    let found = match session.done() {
        0 => String::new(),
        done => format!(", {done} of them done already"),
    };
    let place = match by_engine(&session.file.executor.value, slots) {
        Some(engines) => format!(": {engines}"),
        None => format!(" on {}", slots[0].device),
    };
    let (name, runs, seats) = (&plan.name, plan.runs.len(), slots.len());
    output::note(format!(
        "{name}: {runs} runs{found}, {seats} side by side{place}"
    ));
    unlike(slots).into_iter().for_each(output::remark);
    found_of_before(&session.taken_up);
    leftovers(plan, &session.taken_up.resumed);
    given_up(&plan.name, &session.taken_up.resumed);
    plan.notes.iter().for_each(output::remark);
}

/// Says what was found of an earlier session.
fn found_of_before(taken_up: &TakenUp) {
    if let Some((aside, reason)) = &taken_up.set_aside {
        output::warning(format!(
            "the store was damaged ({reason}) and is made anew from the results; the old one is `{}`",
            aside.display()
        ));
    }
    let (held, count) = (taken_up.held.len(), taken_up.survivors);
    if held > 0 {
        output::note(format!(
            "{held} attempts that were given to the engine before are followed"
        ));
    }
    if count > 0 {
        output::warning(format!(
            "{count} trainers of an earlier isoflop were still there, and are ended"
        ));
    }
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
