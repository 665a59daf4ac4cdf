//! Sweep files, and the plans in results folders.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::{AppError, Listener, text};
use isoflop_core::data::{PreparedData, prepare};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::TextBytes;
use isoflop_dispatch::store::{RunRecord, StoreReader};
use isoflop_sweep::{Corpora, Plan, SweepFile, load, parse, read};

/// A sweep file, with its data read and its runs planned.
#[derive(Debug)]
pub struct PlannedSweep {
    /// The file's text.
    pub source_text: String,
    /// Its settings.
    pub file: SweepFile,
    /// Its runs.
    pub plan: Plan,
    /// Its text as tokens.
    pub data: PreparedData,
    /// Its results folder.
    pub dir: SweepDir,
}

impl PlannedSweep {
    /// Sizes of the token files, bytes, for estimates of memory.
    pub fn text(&self) -> TextBytes {
        TextBytes {
            train: self.data.train.bytes,
            validation: self.data.validation.bytes,
        }
    }
}

/// Reads a sweep file and its texts, and plans its runs. `results` is the folder of results.
///
/// # Errors
/// [`AppError`] if the file or a text is not usable.
pub(crate) fn open(
    path: &Path,
    results: &Path,
    listener: &mut dyn Listener,
) -> Result<PlannedSweep, AppError> {
    let written = read(path)?;
    let file = parse(path, &written)?;
    // Check before reading the text, which can take minutes.
    let checked = file.checked(path)?;
    let texts = file
        .split(path)?
        .try_map(|place| text::find(&file, path, place, listener))?;
    let data =
        prepare(&texts, file.data.tokenizer).map_err(|e| AppError::of_text(&file, path, &e))?;
    let corpora = Corpora {
        spec: data.spec.clone(),
        train_tokens: data.train.tokens,
        validation_tokens: data.validation.tokens,
    };
    let plan = checked.expand(&corpora)?;
    let dir = SweepDir::new(results, &plan.name);
    Ok(PlannedSweep {
        source_text: written,
        file,
        plan,
        data,
        dir,
    })
}

/// Reads the store's record of each run, by identity. Empty if there is no store yet.
///
/// # Errors
/// [`AppError`] if the store cannot be read.
pub(crate) fn stored_records(dir: &SweepDir) -> Result<HashMap<String, RunRecord>, AppError> {
    let Some(reader) = StoreReader::open(dir)? else {
        return Ok(HashMap::new());
    };
    Ok(reader.records()?)
}

/// Name of a sweep, given directly or as a sweep file.
///
/// # Errors
/// [`AppError`] if the sweep file is not usable.
pub(crate) fn sweep_name(sweep: &str) -> Result<String, AppError> {
    let path = Path::new(sweep);
    if is_sweep_file(path) {
        return Ok(load(path)?.folder_name(path)?);
    }
    Ok(sweep.trim_end_matches('/').to_owned())
}

/// Reports whether a path has the extension of a sweep file.
pub(crate) fn is_sweep_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// Reads the plan in the results folder, which needs neither the sweep file nor the text.
///
/// # Errors
/// [`AppError`] if the plan is missing or damaged.
pub(crate) fn recorded_plan(sweep: &str, results: &Path) -> Result<(SweepDir, Plan), AppError> {
    let name = sweep_name(sweep)?;
    let dir = SweepDir::new(results, &name);
    let path = dir.plan();
    let plan = Plan::read(&path).map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => AppError::bug(
            format!("`{}` is damaged: {e}", path.display()),
            "run `isoflop run` with its sweep file again; finished runs are kept",
        ),
        _ => no_results(&name, results),
    })?;
    Ok((dir, plan))
}

/// The error for a sweep that was not started, or whose folder is elsewhere.
pub(crate) fn no_results(name: &str, results: &Path) -> AppError {
    AppError::usage(
        format!(
            "no results for the sweep `{name}` in `{}`",
            results.display()
        ),
        format!(
            "start it with `isoflop run`, or name the folder that contains `{name}/` with `--results`"
        ),
    )
}
