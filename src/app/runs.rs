//! Finding the runs that a command names, by the beginning of their identities, among all sweeps of a results folder.

use std::fs;
use std::path::Path;

use super::AppError;
use super::sweep::named;
use isoflop_core::run::SweepDir;
use isoflop_dispatch::store::{Reader, RunEntry};

/// A run that was found, and its sweep.
#[derive(Clone, Debug)]
pub struct Found {
    /// The sweep's results.
    pub dir: SweepDir,
    /// The sweep's name.
    pub sweep: String,
    /// The run.
    pub run: RunEntry,
}

/// Finds the run whose identity begins with `prefix`, in one sweep or in all of a folder of results.
///
/// # Errors
/// [`AppError`] where none is, or several are.
pub fn find_run(prefix: &str, sweep: Option<&str>, results: &Path) -> Result<Found, AppError> {
    let no_run = |message: String| {
        let hint = "name a run by its identity, or the beginning of it, as `isoflop status SWEEP` shows it";
        Err(AppError::usage(message, hint))
    };
    if prefix.is_empty() || !prefix.chars().all(|c| c.is_ascii_hexdigit()) {
        return no_run(format!(
            "`{prefix}` is no run: an identity is made of the digits 0 to 9 and a to f"
        ));
    }
    let sweeps = match sweep {
        Some(sweep) => vec![named(sweep)?],
        None => sweeps(results),
    };
    let mut found = Vec::new();
    for sweep in sweeps {
        let dir = SweepDir::new(results, &sweep);
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
        0 => no_run(format!(
            "no sweep in `{}` has a run `{prefix}`",
            results.display()
        )),
        _ => Err(several(prefix, &found)),
    }
}

fn several(prefix: &str, found: &[Found]) -> AppError {
    let name = |found: &Found| format!("{} of {}", found.run.id, found.sweep);
    let names: Vec<String> = found.iter().take(4).map(name).collect();
    let message = format!(
        "`{prefix}` begins the names of {} runs: {}",
        found.len(),
        names.join(", ")
    );
    AppError::usage(message, "give more digits, or the sweep with `--sweep`")
}

/// The sweeps that have results.
fn sweeps(results: &Path) -> Vec<String> {
    let entries = fs::read_dir(results).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The name of a run for people.
pub fn run_label(run: &RunEntry) -> String {
    let lr = run
        .lr_factor
        .map_or_else(String::new, |factor| format!(" lr x{factor}"));
    format!(
        "{} {} {:.2e}{lr} seed {} ({})",
        run.arm,
        run.size,
        run.budget.value(),
        run.seed,
        run.id
    )
}
