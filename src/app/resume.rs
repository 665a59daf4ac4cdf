//! Continuing a sweep from its results folder.

use std::io;
use std::path::Path;
use std::time::Instant;

use super::drive_request::DriveRequest;
use super::session::{PlannedSession, Session, SessionEngine};
use super::sweep::recorded_plan;
use super::{AppError, ErrorKind, Listener};
use isoflop_core::data::check_stored_tokens;
use isoflop_core::run::{SPEC_VERSION, SweepDir};
use isoflop_dispatch::coordinator::{SweepLock, TextBytes};
use isoflop_sweep::{Plan, SweepFile, parse};

/// Opens a session for the unfinished runs of a sweep with results. `results` is the folder of
/// results.
///
/// # Errors
/// [`AppError`] if the results lack something that the runs need, an engine is not usable, or
/// another session has the sweep's lock.
pub fn resume(
    sweep: &str,
    results: &Path,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Session, AppError> {
    let began = Instant::now();
    let (dir, plan) = recorded_plan(sweep, results)?;
    let file = file(&dir)?;
    let text = text(&dir, &plan)?;
    let engine = SessionEngine::find(&file, &dir, request, listener)?;
    let lock = SweepLock::take(&dir)?;
    let ready = PlannedSession {
        plan,
        dir,
        file,
        text,
    };
    Session::begin(ready, engine, request, (began, lock), listener)
}

/// Reads the copy of the sweep file, which names the engines.
fn file(dir: &SweepDir) -> Result<SweepFile, AppError> {
    let path = dir.sweep_file();
    let text = std::fs::read_to_string(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => AppError::usage(format!(
                "missing `{}`: the sweep was started by an isoflop version that kept no copy of the sweep file",
                path.display()
            ),
            WITH_ITS_FILE,
        ),
        _ => AppError::bug(format!("cannot read `{}`: {e}", path.display()), WITH_ITS_FILE),
    })?;
    let file = parse(&path, &text).and_then(|file| file.check_execution(&path).map(|()| file));
    file.map_err(|error| {
        let hint = format!(
            "fix this copy and resume, or fix the sweep file and use `isoflop run`, which keeps finished runs: {}",
            error.hint
        );
        AppError::new(ErrorKind::BadSweep, error, hint)
    })
}

const WITH_ITS_FILE: &str = "run `isoflop run` with the sweep file; finished runs are kept";

/// Sizes of the token files, bytes, after a check that they are the files that the runs name.
fn text(dir: &SweepDir, plan: &Plan) -> Result<TextBytes, AppError> {
    let path = dir.plan().display().to_string();
    let Some(spec) = plan.runs.first().map(|run| &run.spec) else {
        return Err(AppError::usage(
            format!("`{path}` contains no runs"),
            WITH_ITS_FILE,
        ));
    };
    if spec.version != SPEC_VERSION {
        let message = format!(
            "the runs of `{path}` have spec version {}, but this isoflop trains version {SPEC_VERSION}",
            spec.version
        );
        let hint = "use the isoflop version that started the sweep, or train its runs again with `isoflop run` and the sweep file";
        return Err(AppError::usage(message, hint));
    }
    let (train, validation) = check_stored_tokens(dir, &spec.data)?;
    Ok(TextBytes { train, validation })
}
