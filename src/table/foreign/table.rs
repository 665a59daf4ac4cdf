//! A table of others, from its file to the study.

use std::path::Path;

use isoflop_fit::{Excluded, Observation, Study};

use super::file::sheet;
use super::find::find;
use super::note::Note;
use super::outliers::leave_out;
use super::placement::{Placement, placements};
use super::repeats::{Seeded, part};
use super::roles::Role;
use super::rows::{Run, arms, assumptions, runs};
use super::sheet::Sheet;
use super::training_logs::training_logs;
use super::warnings::units;
use super::{ForeignError, ForeignFault};
use crate::study::{Finished, study};

/// A table as it is fitted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foreign {
    /// The runs, and the rows that are left out with their reasons.
    pub study: Study,
    /// What was assumed and what looks wrong, for people.
    pub notes: Vec<Note>,
    /// The column of each role that has one.
    pub columns: Vec<(Role, String)>,
}

/// Reads a table. `map` gives columns to roles, as (role, column); `keep_suspects` keeps runs that look diverged.
///
/// # Errors
/// [`ForeignError`] where the file, a column or a value is not usable, or no run is left.
pub fn read_foreign(
    path: &Path,
    map: &[(String, String)],
    keep_suspects: bool,
) -> Result<Foreign, ForeignError> {
    read(path, map, keep_suspects).map_err(|fault| ForeignError {
        path: path.to_owned(),
        fault: fault.into(),
    })
}

fn read(
    path: &Path,
    map: &[(String, String)],
    keep_suspects: bool,
) -> Result<Foreign, ForeignFault> {
    let sheet = sheet(path)?;
    let found = find(&sheet, map)?;
    let (runs, mut excluded) = runs(&sheet, &found)?;
    if runs.is_empty() {
        return Err(no_runs(&sheet, &excluded));
    }
    let mut notes = assumptions(&found);
    let runs = part(&sheet, &found, runs, &mut excluded, &mut notes);
    let runs = leave_out(&sheet, runs, keep_suspects, &mut excluded, &mut notes);
    let seen: Vec<&Run> = runs.iter().map(|(run, _)| run).collect();
    notes.extend(units(&sheet, &found, &seen));
    notes.extend(training_logs(&sheet, &found, &seen));
    let placements = placements(&found, &seen, &mut notes);
    let runs = runs.into_iter().zip(placements).map(finished);
    let texts = notes.iter().map(|note| note.text().to_owned()).collect();
    Ok(Foreign {
        study: study(arms(&sheet, &found), runs, excluded, texts),
        notes,
        columns: found.names(&sheet),
    })
}

fn finished(((run, seed), placement): (Seeded, Placement)) -> Finished {
    Finished {
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
            further: run.further,
        },
        curve: Vec::new(),
    }
}

fn no_runs(sheet: &Sheet, excluded: &[Excluded]) -> ForeignFault {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for Excluded { reason, .. } in excluded {
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

    /// Rows stay where they are while they name architectures in their order.
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
