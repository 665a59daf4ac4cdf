//! Tables that are training logs: rows that are points of runs, and not runs.

use std::collections::HashMap;

use super::Note;
use super::find::Found;
use super::roles::Role;
use super::rows::Run;
use super::sheet::Sheet;
use super::value::text;

/// Warns where most rows share the name of their run, its architecture and N with others, and have more tokens one after the
/// other. The loss of a point on the way is not that of a run which ended there, because the learning rate has not decayed.
pub(super) fn training_logs(sheet: &Sheet, found: &Found, runs: &[&Run]) -> Option<Note> {
    let column = found.column(Role::Run)?;
    let mut courses: HashMap<(String, &str), Vec<&Run>> = HashMap::new();
    for run in runs {
        if let Some(name) = text(sheet.cell(column, run.row)) {
            courses.entry((name, &run.arm)).or_default().push(run);
        }
    }
    let goes_on =
        |pair: &[&Run]| pair[1].params == pair[0].params && pair[1].tokens > pair[0].tokens;
    courses.retain(|_, course| course.len() > 1 && course.windows(2).all(goes_on));
    let points: usize = courses.values().map(Vec::len).sum();
    let name = &sheet.names[column];
    let names = if courses.len() == 1 {
        "one name".to_owned()
    } else {
        format!("{} names", courses.len())
    };
    (2 * points > runs.len()).then(|| {
        Note::Warning(format!(
            "{points} rows have {names} in `{name}`, each at growing tokens: they look like points of training curves, and each is \
             fitted as a run that ended there; keep the last row of each, for example with `df.groupby(\"{name}\").tail(1)`"
        ))
    })
}
