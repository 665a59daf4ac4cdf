//! Search for runs by the beginning of their identity, in the sweeps of a results folder.

use std::fs;
use std::path::Path;

use super::AppError;
use super::sweep::sweep_name;
use isoflop_core::run::SweepDir;
use isoflop_dispatch::store::{RunEntry, StoreReader};

/// A run and its sweep.
#[derive(Clone, Debug)]
pub struct RunLocation {
    /// The sweep's results folder.
    pub dir: SweepDir,
    /// The sweep's name.
    pub sweep: String,
    /// The run.
    pub run: RunEntry,
}

/// Finds the run whose identity begins with `prefix`, in one sweep or in all sweeps of a results
/// folder.
///
/// # Errors
/// [`AppError`] if no run or several runs match.
pub fn find_run(
    prefix: &str,
    sweep: Option<&str>,
    results: &Path,
) -> Result<RunLocation, AppError> {
    let no_run = |message: String| {
        let hint = "give the identity of a run, or the beginning of it, as `isoflop status SWEEP` shows it";
        Err(AppError::usage(message, hint))
    };
    if prefix.is_empty() || !prefix.chars().all(|c| c.is_ascii_hexdigit()) {
        return no_run(format!(
            "invalid run `{prefix}`: expected an identity, hexadecimal digits such as `98a29b9f`"
        ));
    }
    let sweeps = match sweep {
        Some(sweep) => vec![sweep_name(sweep)?],
        None => sweeps(results),
    };
    let mut found = Vec::new();
    for sweep in sweeps {
        let dir = SweepDir::new(results, &sweep);
        let Some(reader) = StoreReader::open(&dir)? else {
            continue;
        };
        let runs = reader.named(&prefix.to_ascii_lowercase())?;
        found.extend(runs.into_iter().map(|run| RunLocation {
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
        _ => Err(ambiguous_run(prefix, &found)),
    }
}

fn ambiguous_run(prefix: &str, found: &[RunLocation]) -> AppError {
    let name = |found: &RunLocation| format!("{} of {}", found.run.id, found.sweep);
    let names: Vec<String> = found.iter().take(4).map(name).collect();
    let message = format!(
        "`{prefix}` matches {} runs: {}",
        found.len(),
        names.join(", ")
    );
    AppError::usage(message, "give more digits, or the sweep with `--sweep`")
}

/// Names of the folders in a results folder, sorted.
fn sweeps(results: &Path) -> Vec<String> {
    let entries = fs::read_dir(results).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Label of a run for users, with its identity.
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
