//! Training of the runs of a sweep file.

use std::path::Path;
use std::time::Instant;

use super::drive_request::DriveRequest;
use super::session::{PlannedSession, Session, SessionEngine};
use super::sweep::open;
use super::{AppError, Listener, PlannedSweep};
use isoflop_core::run::{unwritable, write_atomic};
use isoflop_dispatch::coordinator::SweepLock;

/// Opens a session for the unfinished runs of a sweep file. `results` is the folder of results.
///
/// # Errors
/// [`AppError`] if the file, a text or an engine is not usable, another session has the sweep's
/// lock, or a file cannot be written.
pub fn run(
    file: &Path,
    results: &Path,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Session, AppError> {
    let began = Instant::now();
    let sweep = open(file, results, listener)?;
    let engine = SessionEngine::find(&sweep.file, &sweep.dir, request, listener)?;
    let lock = SweepLock::take(&sweep.dir)?;
    let ready = prepare(sweep, file)?;
    Session::begin(ready, engine, request, (began, lock), listener)
}

/// Writes all that `isoflop resume` needs to the results folder: the text as tokens, the plan, and
/// the sweep file.
fn prepare(sweep: PlannedSweep, file: &Path) -> Result<PlannedSession, AppError> {
    sweep
        .data
        .write_tokens(&sweep.dir)
        .map_err(|e| AppError::of_text(&sweep.file, file, &e))?;
    let (plan, copy) = (sweep.dir.plan(), sweep.dir.sweep_file());
    let written = sweep.plan.write(&plan).map_err(unwritable(&plan));
    let written = written.and_then(|()| {
        write_atomic(&copy, sweep.source_text.as_bytes()).map_err(unwritable(&copy))
    });
    let hint = "free space or choose another `--results` folder";
    written.map_err(|error| AppError::bug(error, hint))?;
    let text = sweep.text();
    Ok(PlannedSession {
        plan: sweep.plan,
        dir: sweep.dir,
        file: sweep.file,
        text,
    })
}
