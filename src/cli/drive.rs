//! `isoflop run` and `isoflop resume`

use super::args::{DriveArgs, ResumeArgs, RunArgs};
use super::conclusion::conclude;
use super::events::JsonEvents;
use super::plan::print_unplanned;
use super::progress::Progress;
use super::terminal::Terminal;
use super::{ExitReason, output};
use isoflop_app::{
    AppError, DriveRequest, ListenOptions, Session, engine_difference, resume, run, slots_by_engine,
};
use isoflop_dispatch::coordinator::{ResumedRuns, ResumedSweep};

pub(super) fn run_main(RunArgs { file, drive }: &RunArgs) -> Result<ExitReason, AppError> {
    let (results, request) = (&drive.folders.results, request(drive));
    train(run(file, results, &request, &mut Terminal::new())?, drive)
}

pub(super) fn resume_main(
    ResumeArgs { sweep, drive }: &ResumeArgs,
) -> Result<ExitReason, AppError> {
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

/// Trains the unfinished runs, then fits and reports.
fn train(session: Session, args: &DriveArgs) -> Result<ExitReason, AppError> {
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

/// Prints the state of a sweep before its runs are started.
fn announce(session: &Session) {
    let (plan, slots) = (&session.plan, &session.options.slots);
    let found = match session.done() {
        0 => String::new(),
        done => format!(", {done} of them already done"),
    };
    let place = match slots_by_engine(&session.file.executor.value, slots) {
        Some(engines) => format!(": {engines}"),
        None => format!(" on {}", slots[0].device),
    };
    let (name, runs, seats) = (&plan.name, plan.runs.len(), slots.len());
    output::note(format!(
        "{name}: {runs} runs{found}, {seats} side by side{place}"
    ));
    engine_difference(slots)
        .into_iter()
        .for_each(output::remark);
    print_earlier_session(&session.resumed_sweep);
    print_unplanned(plan, &session.resumed_sweep.resumed);
    print_not_retried(&plan.name, &session.resumed_sweep.resumed);
    plan.notes.iter().for_each(output::remark);
}

/// Prints what an earlier session left.
fn print_earlier_session(taken_up: &ResumedSweep) {
    if let Some((aside, reason)) = &taken_up.set_aside {
        output::warning(format!(
            "the store was damaged ({reason}) and was rebuilt from the results; the damaged one is `{}`",
            aside.display()
        ));
    }
    let (held, count) = (taken_up.held.len(), taken_up.survivors);
    if held > 0 {
        output::note(format!(
            "following {held} attempts that an earlier session gave to the engine"
        ));
    }
    if count > 0 {
        output::warning(format!(
            "{count} trainers of an earlier isoflop were still running and have been ended"
        ));
    }
}

/// Prints the number of failed and of cancelled runs, which are not retried.
fn print_not_retried(name: &str, resumed: &ResumedRuns) {
    let failed = resumed.count("failed") + resumed.count("quarantined");
    if failed > 0 {
        output::warning(format!(
            "{failed} runs failed before and are not retried; `isoflop retry --failed {name}` queues them again"
        ));
    }
    let cancelled = resumed.count("cancelled");
    if cancelled > 0 {
        output::remark(format!(
            "{cancelled} runs were cancelled and are not retried; `isoflop retry RUN` queues one again"
        ));
    }
}
