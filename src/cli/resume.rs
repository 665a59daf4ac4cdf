//! `isoflop resume`

use std::io::ErrorKind;
use std::time::Instant;

use super::args::ResumeArgs;
use super::go_on::{Engine, Ready, go_on};
use super::sweep::recorded;
use super::{Exit, Failed};
use isoflop_core::data::{StoredError, stored};
use isoflop_core::run::{SPEC_VERSION, SweepDir};
use isoflop_dispatch::coordinator::{SweepLock, TextBytes};
use isoflop_sweep::{Plan, SweepFile, parse};

pub(super) fn main(args: &ResumeArgs) -> Result<Exit, Failed> {
    let began = Instant::now();
    let (dir, plan) = recorded(&args.sweep, &args.folders)?;
    let file = file(&dir)?;
    let text = text(&dir, &plan)?;
    let engine = Engine::find(&file, &dir, &args.trainer, &args.drive)?;
    let _lock = SweepLock::take(&dir)?;
    go_on(
        &Ready {
            plan,
            dir,
            file,
            text,
        },
        engine,
        &args.drive,
        &args.folders,
        began,
    )
}

/// The copy of the sweep file, which says where runs execute.
fn file(dir: &SweepDir) -> Result<SweepFile, Failed> {
    let path = dir.sweep_file();
    let text = std::fs::read_to_string(&path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Failed::new(
            Exit::Usage,
            format!(
                "`{}` is not there: the sweep was started by an isoflop that left no copy of its file",
                path.display()
            ),
            WITH_ITS_FILE,
        ),
        _ => Failed::new(Exit::Bug, format!("`{}` cannot be read: {e}", path.display()), WITH_ITS_FILE),
    })?;
    let file = parse(&path, &text).and_then(|file| file.check_execution(&path).map(|()| file));
    file.map_err(|error| {
        let hint = format!(
            "mend this copy and resume, or mend the sweep file and `isoflop run` it, which keeps finished runs: {}",
            error.hint
        );
        Failed::new(Exit::BadSweep, error, hint)
    })
}

const WITH_ITS_FILE: &str = "go on with `isoflop run` and the sweep file: finished runs are kept";

/// The sizes of the token files, which must be the ones that the runs name.
fn text(dir: &SweepDir, plan: &Plan) -> Result<TextBytes, Failed> {
    let path = dir.plan().display().to_string();
    let Some(spec) = plan.runs.first().map(|run| &run.spec) else {
        return Err(Failed::new(
            Exit::Usage,
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
        return Err(Failed::new(Exit::Usage, message, hint));
    }
    let (train, validation) = stored(dir, &spec.data)?;
    Ok(TextBytes { train, validation })
}

impl From<StoredError> for Failed {
    fn from(error: StoredError) -> Self {
        Self::new(
            Exit::BadSweep,
            error,
            "go on with `isoflop run` and the sweep file, which writes the tokens of its text again",
        )
    }
}
