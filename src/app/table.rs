//! Runs that others measured, in a table.

use std::path::{Component, Path};

use super::sweep::is_sweep_file;
use super::{AppError, Listener};
use isoflop_fit::Study;
use isoflop_table::{Foreign, Note, Role, read_foreign};

/// Whether a name is that of something else than a sweep or its file: a file, a pipe, or a path. A folder beside may be
/// called as a sweep is.
pub(crate) fn is_no_sweep(path: &Path) -> bool {
    let mut parts = path.components().filter(|part| *part != Component::CurDir);
    let is_name = matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    );
    !is_sweep_file(path) && (!is_name || (path.exists() && !path.is_dir()))
}

/// Reads a table, and says what was made of it.
pub(crate) fn read(
    path: &Path,
    map: &[(String, String)],
    keep_suspects: bool,
    listener: &mut dyn Listener,
) -> Result<Study, AppError> {
    let foreign = read_foreign(path, map, keep_suspects)?;
    tell(&foreign, listener);
    Ok(foreign.study)
}

/// Tells which column is what, and what was assumed.
fn tell(foreign: &Foreign, listener: &mut dyn Listener) {
    let columns: Vec<String> = foreign
        .columns
        .iter()
        .map(|(role, column)| named(*role, column))
        .collect();
    listener.remark(&format!("columns: {}", columns.join(", ")));
    for note in &foreign.notes {
        match note {
            Note::Remark(text) => listener.remark(text),
            Note::Warning(text) => listener.warning(text),
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
