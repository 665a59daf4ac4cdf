//! Training what a sweep file asks for.

use std::path::Path;
use std::time::Instant;

use super::drive_request::DriveRequest;
use super::session::{Engine, Ready, Session};
use super::sweep::open;
use super::{AppError, Listener, Sweep};
use isoflop_core::run::{unwritable, write_whole};
use isoflop_dispatch::coordinator::SweepLock;

/// Takes up what a sweep file asks for and is not done. `results` is the folder of results.
///
/// # Errors
/// [`AppError`] where the file, a text or an engine is not usable, another session holds the sweep, or nothing can be written.
pub fn run(
    file: &Path,
    results: &Path,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Session, AppError> {
    let began = Instant::now();
    let sweep = open(file, results, listener)?;
    let engine = Engine::find(&sweep.file, &sweep.dir, request, listener)?;
    let lock = SweepLock::take(&sweep.dir)?;
    let ready = prepare(sweep, file)?;
    Session::begin(ready, engine, request, (began, lock), listener)
}

/// Leaves all that `isoflop resume` needs with the results: the text as tokens, the plan, the sweep file.
fn prepare(sweep: Sweep, file: &Path) -> Result<Ready, AppError> {
    sweep
        .data
        .store(&sweep.dir)
        .map_err(|e| AppError::of_text(&sweep.file, file, &e))?;
    let (plan, copy) = (sweep.dir.plan(), sweep.dir.sweep_file());
    let written = sweep.plan.write(&plan).map_err(unwritable(&plan));
    let written = written
        .and_then(|()| write_whole(&copy, sweep.written.as_bytes()).map_err(unwritable(&copy)));
    let hint = "free space or choose another `--results` folder";
    written.map_err(|error| AppError::bug(error, hint))?;
    let text = sweep.text();
    Ok(Ready {
        plan: sweep.plan,
        dir: sweep.dir,
        file: sweep.file,
        text,
    })
}
