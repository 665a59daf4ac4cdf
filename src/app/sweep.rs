//! Finding the sweep that a command is about.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::{AppError, Listener, text};
use isoflop_core::data::{Prepared, prepare};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::TextBytes;
use isoflop_dispatch::store::{Reader, Record};
use isoflop_sweep::{Corpora, Plan, SweepFile, load, parse, read};

/// A sweep file, with its data read and its runs planned.
#[derive(Debug)]
pub struct Sweep {
    /// The file's text.
    pub written: String,
    /// What it says.
    pub file: SweepFile,
    /// Its runs.
    pub plan: Plan,
    /// Its text as tokens.
    pub data: Prepared,
    /// Where its results lie.
    pub dir: SweepDir,
}

impl Sweep {
    /// Sizes of the token files, for estimates of memory.
    pub fn text(&self) -> TextBytes {
        TextBytes {
            train: self.data.train.bytes,
            validation: self.data.validation.bytes,
        }
    }
}

/// Reads a sweep file and all that it names. `results` is the folder of results.
///
/// # Errors
/// [`AppError`] where the file or a text is not usable.
pub(crate) fn open(
    path: &Path,
    results: &Path,
    listener: &mut dyn Listener,
) -> Result<Sweep, AppError> {
    let written = read(path)?;
    let file = parse(path, &written)?;
    // Before the text is read, which may take minutes.
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
    Ok(Sweep {
        written,
        file,
        plan,
        data,
        dir,
    })
}

/// What the store knows of each run, by its id; nothing where there is no store yet.
///
/// # Errors
/// [`AppError`] where the store cannot be read.
pub(crate) fn remembered(dir: &SweepDir) -> Result<HashMap<String, Record>, AppError> {
    let Some(reader) = Reader::open(dir)? else {
        return Ok(HashMap::new());
    };
    Ok(reader.records()?)
}

/// The name of a sweep, which a command is given or takes from a sweep file.
///
/// # Errors
/// [`AppError`] where that file is not usable.
pub(crate) fn named(sweep: &str) -> Result<String, AppError> {
    let path = Path::new(sweep);
    if is_sweep_file(path) {
        return Ok(load(path)?.folder_name(path)?);
    }
    Ok(sweep.trim_end_matches('/').to_owned())
}

/// Whether a path is a sweep file's by its name.
pub(crate) fn is_sweep_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// The plan that lies with the results: it needs neither the sweep file nor the text.
///
/// # Errors
/// [`AppError`] where there is none, or a damaged one.
pub(crate) fn recorded(sweep: &str, results: &Path) -> Result<(SweepDir, Plan), AppError> {
    let name = named(sweep)?;
    let dir = SweepDir::new(results, &name);
    let path = dir.plan();
    let hint = format!(
        "start it with `isoflop run`, or name its folder with `--results`; results are looked for in `{}`",
        results.display()
    );
    let plan = Plan::read(&path).map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => AppError::bug(
            format!("`{}` is damaged: {e}", path.display()),
            "run `isoflop run` with its sweep file again: finished runs are kept",
        ),
        _ => AppError::usage(format!("the sweep `{name}` has no results yet"), hint),
    })?;
    Ok((dir, plan))
}
