//! Exclusion of runs that look diverged.

use isoflop_fit::ExcludedRun;
use isoflop_fit::findings::{Measurement, Outlier, outliers};

use super::TableNote;
use super::repeats::SeededRun;
use super::sheet::Sheet;

/// Leaves out outliers, with a warning. With `keep`, only warns.
pub(super) fn exclude_outliers(
    sheet: &Sheet,
    runs: Vec<SeededRun>,
    keep: bool,
    excluded: &mut Vec<ExcludedRun>,
    notes: &mut Vec<TableNote>,
) -> Vec<SeededRun> {
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
        let Some(Outlier { ratio: times, .. }) = found.next_if(|outlier| outlier.run == place)
        else {
            kept.push((run, seed));
            continue;
        };
        let loss = run.loss;
        excluded.push(ExcludedRun {
            run: run.name,
            reason: format!(
                "looks diverged: its loss of {loss} is {times:.1} times that of similar runs"
            ),
        });
    }
    kept
}

fn warning(sheet: &Sheet, rows: &[usize], keep: bool) -> Option<TableNote> {
    let count = match rows.len() {
        0 => return None,
        1 => "1 run looks".to_owned(),
        several => format!("{several} runs look"),
    };
    let done = if keep {
        "kept because of `--keep-suspects`"
    } else {
        "left out; pass `--keep-suspects` if their losses are right"
    };
    let places = sheet.locations(rows);
    Some(TableNote::Warning(format!(
        "{count} diverged compared with similar runs ({places}): {done}"
    )))
}
