//! `isoflop run`

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use super::Exit;
use super::args::RunArgs;
use super::go_on::{Engine, Ready, go_on};
use super::terminal::Terminal;
use isoflop_app::{AppError, ErrorKind, Sweep, open};
use isoflop_core::run::write_whole;
use isoflop_dispatch::coordinator::SweepLock;

pub(super) fn main(args: &RunArgs) -> Result<Exit, AppError> {
    let began = Instant::now();
    let sweep = open(&args.file, &args.folders.results, &mut Terminal::new())?;
    let engine = Engine::find(&sweep.file.executor, &sweep.dir, &args.trainer, &args.drive)?;
    let _lock = SweepLock::take(&sweep.dir)?;
    let ready = prepare(sweep, args)?;
    go_on(&ready, engine, &args.drive, &args.folders, began)
}

/// Leaves all that `isoflop resume` needs with the results: the text as tokens, the plan, the sweep file.
fn prepare(sweep: Sweep, args: &RunArgs) -> Result<Ready, AppError> {
    sweep
        .data
        .store(&sweep.dir)
        .map_err(|e| AppError::of_text(&sweep.file, &args.file, &e))?;
    let written = |path: PathBuf, result: io::Result<()>| {
        let hint = "free space or choose another `--results` folder";
        result.map_err(|e| {
            AppError::new(
                ErrorKind::Bug,
                format!("cannot write `{}`: {e}", path.display()),
                hint,
            )
        })
    };
    let (plan, file) = (sweep.dir.plan(), sweep.dir.sweep_file());
    written(plan.clone(), sweep.plan.write(&plan))?;
    written(file.clone(), write_whole(&file, sweep.written.as_bytes()))?;
    let text = sweep.text();
    Ok(Ready {
        plan: sweep.plan,
        dir: sweep.dir,
        executor: sweep.file.executor,
        text,
    })
}
