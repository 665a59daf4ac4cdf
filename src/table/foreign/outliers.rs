//! Runs that look diverged: told of, and left out unless they are to be kept.

use isoflop_fit::Excluded;
use isoflop_fit::findings::{Measurement, Outlier, outliers};

use super::Note;
use super::repeats::Seeded;
use super::sheet::Sheet;

/// Leaves out the outliers; where `keep` is set they are told of alone.
pub(super) fn leave_out(
    sheet: &Sheet,
    runs: Vec<Seeded>,
    keep: bool,
    excluded: &mut Vec<Excluded>,
    notes: &mut Vec<Note>,
) -> Vec<Seeded> {
    let measured: Vec<Measurement<'_>> = runs.iter().map(|(run, _)| run.measurement()).collect();
    let found = outliers(&measured);
    let rows = found.iter().map(|outlier| runs[outlier.run].0.row);
    notes.extend(warning(sheet, &rows.collect::<Vec<_>>(), keep));
    if keep {
        return runs;
    }
    let mut found = found.into_iter().peekable();
    let mut kept = Vec::with_capacity(runs.len());
    for (place, (run, seed)) in runs.into_iter().enumerate() {
        let Some(Outlier { times, .. }) = found.next_if(|outlier| outlier.run == place) else {
            kept.push((run, seed));
            continue;
        };
        let loss = run.loss;
        excluded.push(Excluded {
            run: run.name,
            reason: format!(
                "suspected to have diverged: its loss of {loss} is {times:.1} times that of runs like it"
            ),
        });
    }
    kept
}

fn warning(sheet: &Sheet, rows: &[usize], keep: bool) -> Option<Note> {
    let count = match rows.len() {
        0 => return None,
        1 => "1 run looks".to_owned(),
        several => format!("{several} runs look"),
    };
    let done = if keep {
        "kept, as asked"
    } else {
        "left out; `--keep-suspects` keeps what is right"
    };
    let places = sheet.places(rows);
    Some(Note::Warning(format!(
        "{count} diverged by the losses of runs like them ({places}): {done}"
    )))
}
