//! `isoflop fit TABLE`: runs that others measured.

use std::path::{Component, Path};

use super::fit::{known, show};
use super::fit_args::FitArgs;
use super::study_args::StudyArgs;
use super::{Exit, fit_args, output};
use isoflop_app::AppError;
use isoflop_fit::{Study, fit};
use isoflop_table::{Foreign, Note, Role, is_table, read_foreign};

/// The table that is named, if it is none of our sweeps: by its ending, by what is said of it, or as what no sweep is called.
pub(super) fn table(args: &StudyArgs) -> Option<&Path> {
    let path = Path::new(&args.sweep);
    let asks_for_one = !args.map.is_empty() || args.keep_suspects;
    (is_table(path) || asks_for_one || is_no_sweep(path)).then_some(path)
}

/// Whether a name is that of something else than a sweep or its file: a file, a pipe, or a path. A folder beside may be
/// called as a sweep is.
fn is_no_sweep(path: &Path) -> bool {
    let is_sweep_file = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let components = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect::<Vec<_>>();
    let is_name = matches!(components.as_slice(), [Component::Normal(_)]);
    !is_sweep_file && (!is_name || (path.exists() && !path.is_dir()))
}

pub(super) fn main(args: &FitArgs, path: &Path) -> Result<Exit, AppError> {
    let study = read(&args.study, path)?;
    let arms = study.arms();
    let names: Vec<&str> = arms.iter().map(String::as_str).collect();
    let baseline = args
        .baseline
        .clone()
        .or_else(|| arms.first().cloned())
        .unwrap_or_default();
    known("table", &names, &baseline)?;
    let fits = fit(&study, &fit_args::settings(args, &baseline));
    show(
        args,
        &fits,
        "give it more runs: at least 4 sizes at each of 2 budgets, or sizes and token counts that vary apart",
    )
}

/// Reads a table, and says what was made of it.
pub(super) fn read(args: &StudyArgs, path: &Path) -> Result<Study, AppError> {
    let foreign = read_foreign(path, &args.map, args.keep_suspects)?;
    say(&foreign);
    Ok(foreign.study)
}

/// Which column is what, and what was assumed: to standard error, so that a result stays alone.
fn say(foreign: &Foreign) {
    let columns: Vec<String> = foreign
        .columns
        .iter()
        .map(|(role, column)| named(*role, column))
        .collect();
    output::remark(format!("columns: {}", columns.join(", ")));
    for note in &foreign.notes {
        match note {
            Note::Remark(text) => output::remark(text),
            Note::Warning(text) => output::warning(text),
        }
    }
}

fn named(role: Role, column: &str) -> String {
    if role.name() == column {
        role.name().to_owned()
    } else {
        format!("{} = `{column}`", role.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sweep() {
        for path in [
            "",
            ".",
            "..",
            "/dev/stdin",
            "/dev/null",
            "results/example",
            "Cargo.toml",
        ] {
            assert!(is_no_sweep(Path::new(path)), "{path}");
        }
        for path in [
            "quickstart",
            "quickstart/",
            "./quickstart",
            "results",
            "sweeps/quickstart.yaml",
            "nowhere.yml",
        ] {
            assert!(!is_no_sweep(Path::new(path)), "{path}");
        }
    }
}
