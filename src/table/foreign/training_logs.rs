//! Detection of training logs: tables whose rows are points of training curves, not runs.

use std::collections::HashMap;

use super::TableNote;
use super::find::RoleColumns;
use super::roles::ColumnRole;
use super::rows::ForeignRun;
use super::sheet::Sheet;
use super::value::text;

/// Warns if most rows share run, architecture and N with others, at growing D. The loss of such a
/// point is not that of a run that ended there, because its learning rate has not decayed.
pub(super) fn training_logs(
    sheet: &Sheet,
    found: &RoleColumns,
    runs: &[&ForeignRun],
) -> Option<TableNote> {
    let column = found.column(ColumnRole::Run)?;
    let mut courses: HashMap<(String, &str), Vec<&ForeignRun>> = HashMap::new();
    for run in runs {
        if let Some(name) = text(sheet.cell(column, run.row)) {
            courses.entry((name, &run.arm)).or_default().push(run);
        }
    }
    let goes_on =
        |pair: &[&ForeignRun]| pair[1].params == pair[0].params && pair[1].tokens > pair[0].tokens;
    courses.retain(|_, course| course.len() > 1 && course.windows(2).all(goes_on));
    let points: usize = courses.values().map(Vec::len).sum();
    let name = &sheet.names[column];
    let names = if courses.len() == 1 {
        "one name".to_owned()
    } else {
        format!("{} names", courses.len())
    };
    (2 * points > runs.len()).then(|| {
        TableNote::Warning(format!(
            "{points} rows have {names} in `{name}`, each with growing tokens: they look like points of training curves, but each \
             is fitted as a finished run; keep only the last row of each, for example with `df.groupby(\"{name}\").tail(1)`"
        ))
    })
}
