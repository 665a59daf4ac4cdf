//! Finding the runs that a command names, by the beginning of their identities, among all sweeps of a results folder.

use std::fs;

use super::args::Folders;
use isoflop_app::{AppError, ErrorKind, named};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::store::{Reader, RunEntry};

/// A run that was found, and its sweep.
pub(super) struct Found {
    pub(super) dir: SweepDir,
    pub(super) sweep: String,
    pub(super) run: RunEntry,
}

/// The one run whose identity begins with `prefix`, in one sweep or in all.
pub(super) fn find(
    prefix: &str,
    sweep: Option<&str>,
    folders: &Folders,
) -> Result<Found, AppError> {
    let hint =
        "name a run by its identity, or the beginning of it, as `isoflop status SWEEP` shows it";
    if prefix.is_empty() || !prefix.chars().all(|c| c.is_ascii_hexdigit()) {
        let message =
            format!("`{prefix}` is no run: an identity is made of the digits 0 to 9 and a to f");
        return Err(AppError::new(ErrorKind::Usage, message, hint));
    }
    let mut found = Vec::new();
    let sweeps = sweep.map_or_else(
        || Ok(sweeps(folders)),
        |sweep| named(sweep).map(|name| vec![name]),
    )?;
    for sweep in sweeps {
        let dir = SweepDir::new(&folders.results, &sweep);
        let Some(reader) = Reader::open(&dir)? else {
            continue;
        };
        let runs = reader.named(&prefix.to_ascii_lowercase())?;
        found.extend(runs.into_iter().map(|run| Found {
            dir: dir.clone(),
            sweep: sweep.clone(),
            run,
        }));
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let message = format!(
                "no sweep in `{}` has a run `{prefix}`",
                folders.results.display()
            );
            Err(AppError::new(ErrorKind::Usage, message, hint))
        }
        count => {
            let names = found
                .iter()
                .take(4)
                .map(|found| format!("{} of {}", found.run.id, found.sweep));
            let names = names.collect::<Vec<_>>().join(", ");
            let message = format!("`{prefix}` begins the names of {count} runs: {names}");
            Err(AppError::new(
                ErrorKind::Usage,
                message,
                "give more digits, or the sweep with `--sweep`",
            ))
        }
    }
}

/// The sweeps that have results.
fn sweeps(folders: &Folders) -> Vec<String> {
    let entries = fs::read_dir(&folders.results)
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// A name for people.
pub(super) fn label(run: &RunEntry) -> String {
    let lr = run
        .lr_factor
        .map_or_else(String::new, |factor| format!(" lr x{factor}"));
    format!(
        "{} {} {:.2e}{lr} seed {} ({})",
        run.arm, run.size, run.budget, run.seed, run.id
    )
}
