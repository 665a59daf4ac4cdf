//! Going on with a sweep from its results alone.

use std::io;
use std::path::Path;
use std::time::Instant;

use super::drive_request::DriveRequest;
use super::session::{Engine, Ready, Session};
use super::sweep::recorded;
use super::{AppError, ErrorKind, Listener};
use isoflop_core::data::stored;
use isoflop_core::run::{SPEC_VERSION, SweepDir};
use isoflop_dispatch::coordinator::{SweepLock, TextBytes};
use isoflop_sweep::{Plan, SweepFile, parse};

/// Takes up what is not done of a sweep that has results. `results` is the folder of results.
///
/// # Errors
/// [`AppError`] where the results do not hold all that its runs need, an engine is not usable, or another session holds it.
pub fn resume(
    sweep: &str,
    results: &Path,
    request: &DriveRequest,
    listener: &mut dyn Listener,
) -> Result<Session, AppError> {
    let began = Instant::now();
    let (dir, plan) = recorded(sweep, results)?;
    let file = file(&dir)?;
    let text = text(&dir, &plan)?;
    let engine = Engine::find(&file, &dir, request, listener)?;
    let lock = SweepLock::take(&dir)?;
    let ready = Ready {
        plan,
        dir,
        file,
        text,
    };
    Session::begin(ready, engine, request, (began, lock), listener)
}

/// The copy of the sweep file, which says where runs execute.
fn file(dir: &SweepDir) -> Result<SweepFile, AppError> {
    let path = dir.sweep_file();
    let text = std::fs::read_to_string(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => AppError::usage(format!(
                "`{}` is not there: the sweep was started by an isoflop that left no copy of its file",
                path.display()
            ),
            WITH_ITS_FILE,
        ),
        _ => AppError::bug(format!("`{}` cannot be read: {e}", path.display()), WITH_ITS_FILE),
    })?;
    let file = parse(&path, &text).and_then(|file| file.check_execution(&path).map(|()| file));
    file.map_err(|error| {
        let hint = format!(
            "mend this copy and resume, or mend the sweep file and `isoflop run` it, which keeps finished runs: {}",
            error.hint
        );
        AppError::new(ErrorKind::BadSweep, error, hint)
    })
}

const WITH_ITS_FILE: &str = "go on with `isoflop run` and the sweep file: finished runs are kept";

/// The sizes of the token files, which must be the ones that the runs name.
fn text(dir: &SweepDir, plan: &Plan) -> Result<TextBytes, AppError> {
    let path = dir.plan().display().to_string();
    let Some(spec) = plan.runs.first().map(|run| &run.spec) else {
        return Err(AppError::usage(
            format!("`{path}` asks for no run"),
            WITH_ITS_FILE,
        ));
    };
    if spec.version != SPEC_VERSION {
        let message = format!(
            "the runs of `{path}` are of version {}, this isoflop trains version {SPEC_VERSION}",
            spec.version
        );
        let hint = "take the isoflop that it was started with, or train its runs anew with `isoflop run` and the sweep file";
        return Err(AppError::usage(message, hint));
    }
    let (train, validation) = stored(dir, &spec.data)?;
    Ok(TextBytes { train, validation })
}
