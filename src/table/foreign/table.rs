//! Conversion of a table of other people's runs to a study.

use std::path::Path;

use isoflop_fit::{ExcludedRun, Observation, Study};

use super::file::sheet;
use super::find::find;
use super::note::TableNote;
use super::outliers::exclude_outliers;
use super::placement::{RunCell, placements};
use super::repeats::{SeededRun, separate_repeats};
use super::roles::ColumnRole;
use super::rows::{ForeignRun, arms, assumptions, runs};
use super::sheet::Sheet;
use super::training_logs::training_logs;
use super::warnings::unit_warnings;
use super::{ForeignError, ForeignFault};
use crate::study::{FinishedRun, study};

/// A table that was read, with its study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignTable {
    /// Runs, and the rows that are left out with their reasons.
    pub study: Study,
    /// Assumptions, and values that look wrong.
    pub notes: Vec<TableNote>,
    /// Roles with the names of their columns.
    pub columns: Vec<(ColumnRole, String)>,
}

/// Reads a table. `map` assigns columns to roles, as (role, column). `keep_suspects` keeps runs
/// that look diverged.
///
/// # Errors
/// [`ForeignError`] if the file, a column or a value is not usable, or if no run is left.
pub fn read_foreign(
    path: &Path,
    map: &[(String, String)],
    keep_suspects: bool,
) -> Result<ForeignTable, ForeignError> {
    read(path, map, keep_suspects).map_err(|fault| ForeignError {
        path: path.to_owned(),
        fault: fault.into(),
    })
}

fn read(
    path: &Path,
    map: &[(String, String)],
    keep_suspects: bool,
) -> Result<ForeignTable, ForeignFault> {
    let sheet = sheet(path)?;
    let found = find(&sheet, map)?;
    let (runs, mut excluded) = runs(&sheet, &found)?;
    if runs.is_empty() {
        return Err(no_runs(&sheet, &excluded));
    }
    let mut notes = assumptions(&found);
    let runs = separate_repeats(&sheet, &found, runs, &mut excluded, &mut notes);
    let runs = exclude_outliers(&sheet, runs, keep_suspects, &mut excluded, &mut notes);
    let seen: Vec<&ForeignRun> = runs.iter().map(|(run, _)| run).collect();
    notes.extend(unit_warnings(&sheet, &found, &seen));
    notes.extend(training_logs(&sheet, &found, &seen));
    let placements = placements(&found, &seen, &mut notes);
    let runs = runs.into_iter().zip(placements).map(finished);
    let texts = notes.iter().map(|note| note.text().to_owned()).collect();
    Ok(ForeignTable {
        study: study(arms(&sheet, &found), runs, excluded, texts),
        notes,
        columns: found.names(&sheet),
    })
}

fn finished(((run, seed), placement): (SeededRun, RunCell)) -> FinishedRun {
    FinishedRun {
        observation: Observation {
            run: run.name,
            arm: run.arm,
            size: placement.size,
            seed,
            budget: placement.budget,
            lr_factor: placement.lr_factor,
            flops: run.flops,
            params: run.params,
            tokens: run.tokens,
            loss: run.loss,
            optional: run.further,
        },
        curve: Vec::new(),
    }
}

fn no_runs(sheet: &Sheet, excluded: &[ExcludedRun]) -> ForeignFault {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for ExcludedRun { reason, .. } in excluded {
        match reasons.iter_mut().find(|(other, _)| other == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("  {count}: {reason}"))
        .collect();
    ForeignFault::NoRuns {
        rows: sheet.len(),
        reasons: reasons.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::csv;

    #[test]
    fn architectures_are_in_the_order_of_the_file() {
        let text = "arch,params,tokens,loss,status\nbase,1e6,1e9,,crashed\ngated,1e6,1e9,3,ok\nbase,2e6,1e9,2.9,ok\n\
             lost,1e6,1e9,,crashed\nwide,1e6,1e9,3,ok\ngated,2e6,1e9,3,ok\n";
        let study = csv(text).study;
        assert_eq!(study.arms(), ["base", "gated", "wide"]);
        assert_eq!(
            study
                .observations
                .iter()
                .map(|o| o.run.as_str())
                .collect::<Vec<_>>(),
            ["line 4", "line 3", "line 7", "line 6"]
        );
    }

    /// Rows keep their order if the architectures first appear in order.
    #[test]
    fn rows_in_order_stay() {
        let study = csv("arch,params,tokens,loss\na,1e6,1e9,3\nb,1e6,1e9,3\na,2e6,1e9,3\n").study;
        assert_eq!(
            study
                .observations
                .iter()
                .map(|o| o.run.as_str())
                .collect::<Vec<_>>(),
            ["line 2", "line 3", "line 4"]
        );
    }
}
