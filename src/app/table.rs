//! Tables of other people's runs.

use std::path::{Component, Path};

use super::sweep::is_sweep_file;
use super::{AppError, Listener};
use isoflop_fit::Study;
use isoflop_table::{ColumnRole, ForeignTable, TableNote, read_foreign};

/// Reports whether a path names a file or a pipe, or has several components, so that it cannot name
/// a sweep or a sweep file. A folder here can have the same name as a sweep.
pub(crate) fn names_table(path: &Path) -> bool {
    let mut parts = path.components().filter(|part| *part != Component::CurDir);
    let is_name = matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    );
    !is_sweep_file(path) && (!is_name || (path.exists() && !path.is_dir()))
}

/// Reads a table, and reports how it was understood.
pub(crate) fn read(
    path: &Path,
    map: &[(String, String)],
    keep_suspects: bool,
    listener: &mut dyn Listener,
) -> Result<Study, AppError> {
    let foreign = read_foreign(path, map, keep_suspects)?;
    report_columns(&foreign, listener);
    Ok(foreign.study)
}

/// Reports the role of each column, and the assumptions.
fn report_columns(foreign: &ForeignTable, listener: &mut dyn Listener) {
    let columns: Vec<String> = foreign
        .columns
        .iter()
        .map(|(role, column)| column_label(*role, column))
        .collect();
    listener.remark(&format!("columns: {}", columns.join(", ")));
    for note in &foreign.notes {
        match note {
            TableNote::Remark(text) => listener.remark(text),
            TableNote::Warning(text) => listener.warning(text),
        }
    }
}

fn column_label(role: ColumnRole, column: &str) -> String {
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
            assert!(names_table(Path::new(path)), "{path}");
        }
        for path in [
            "quickstart",
            "quickstart/",
            "./quickstart",
            "results",
            "sweeps/quickstart.yaml",
            "nowhere.yml",
        ] {
            assert!(!names_table(Path::new(path)), "{path}");
        }
    }
}
