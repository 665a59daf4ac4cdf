//! Tables of runs that others measured: CSV or Parquet to what is fitted.
//!
//! A row is a run. Columns are found by their usual names or by `--map`; docs/fitting.md says which. What is assumed and
//! what looks wrong is said in notes; what cannot be a run's value is an error with its line.

mod budgets;
mod crude;
mod curves;
mod delimited;
mod doubts;
mod encoding;
mod error;
mod find;
mod hint;
mod order;
mod parquet;
mod rates;
mod repeats;
mod roles;
mod rows;
mod sheet;
mod sizes;
mod suspects;
#[cfg(test)]
mod tests;
mod unlike;
mod value;

use std::collections::HashMap;
use std::path::Path;

pub use error::ForeignError;
pub use roles::{Role, column_names};

use isoflop_fit::{Excluded, Observation, Study, Unprofiled};
use rows::Run;
use sheet::Sheet;

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

/// A sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What was assumed.
    Remark(String),
    /// What looks wrong.
    Warning(String),
}

impl Note {
    fn text(&self) -> &str {
        let (Self::Remark(text) | Self::Warning(text)) = self;
        text
    }
}

/// Whether a file is a table by its name.
pub fn is_table(path: &Path) -> bool {
    Kind::of(path).is_some()
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
    let sheet = sheet(path)?;
    let found = find::find(path, &sheet, map)?;
    let mut notes = Vec::new();
    let (runs, mut excluded) = rows::runs(path, &sheet, &found, &mut notes)?;
    if runs.is_empty() {
        return Err(no_runs(path, &sheet, &excluded));
    }
    let mut runs = repeats::part(&sheet, &found, runs, &mut excluded, &mut notes);
    leave_out_suspects(&sheet, &mut runs, &mut excluded, &mut notes, keep_suspects);
    doubts::doubts(&sheet, &found, &runs, &mut notes);
    notes.extend(unlike::units(&sheet, &found, &runs));
    notes.extend(curves::logs(&sheet, &found, &runs));
    let columns = found
        .all()
        .iter()
        .map(|(role, column)| (*role, sheet.names[*column].clone()))
        .collect();
    let budgets = budgets::budgets(&runs, &mut notes);
    let sizes = sizes::sizes(&runs, &budgets, &mut notes);
    let mut study = study(runs, budgets, sizes, excluded);
    order::as_in_file(&sheet, &found, &mut study.observations, |run| &run.arm);
    order::as_in_file(&sheet, &found, &mut study.unprofiled, |run| {
        &run.observation.arm
    });
    rates::tell_apart(&found, &mut study.observations, &mut notes);
    study.notes = notes.iter().map(|note| note.text().to_owned()).collect();
    Ok(Foreign {
        study,
        notes,
        columns,
    })
}

enum Kind {
    Delimited {
        separator: Option<u8>,
        compressed: bool,
    },
    Parquet,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let (name, compressed) = name
            .strip_suffix(".zst")
            .map_or((name.as_str(), false), |name| (name, true));
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Delimited {
                separator: None,
                compressed,
            }),
            "tsv" => Some(Self::Delimited {
                separator: Some(b'\t'),
                compressed,
            }),
            "parquet" if !compressed => Some(Self::Parquet),
            _ => None,
        }
    }
}

fn sheet(path: &Path) -> Result<Sheet, ForeignError> {
    let kind = Kind::of(path).ok_or_else(|| ForeignError::Extension {
        path: path.to_owned(),
    })?;
    let bytes = std::fs::read(path).map_err(|source| ForeignError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    if bytes.is_empty() {
        return Err(ForeignError::Empty {
            path: path.to_owned(),
        });
    }
    match kind {
        Kind::Delimited {
            separator,
            compressed: false,
        } => delimited::read(path, &bytes, separator),
        Kind::Delimited {
            separator,
            compressed: true,
        } => {
            let text =
                zstd::decode_all(bytes.as_slice()).map_err(|source| ForeignError::NotZstd {
                    path: path.to_owned(),
                    source,
                })?;
            delimited::read(path, &text, separator)
        }
        Kind::Parquet => parquet::read(path, &bytes),
    }
    .and_then(|sheet| match sheet.len() {
        0 => Err(ForeignError::HeaderOnly {
            path: path.to_owned(),
        }),
        _ => Ok(sheet),
    })
}

fn leave_out_suspects(
    sheet: &Sheet,
    runs: &mut Vec<(Run, u64)>,
    excluded: &mut Vec<Excluded>,
    notes: &mut Vec<Note>,
    keep: bool,
) {
    let suspects = suspects::suspects(runs);
    if suspects.is_empty() {
        return;
    }
    let numbers: Vec<String> = suspects
        .iter()
        .map(|(place, _)| sheet.number(runs[*place].0.row).to_string())
        .collect();
    let count = match suspects.len() {
        1 => "1 run looks".to_owned(),
        several => format!("{several} runs look"),
    };
    let done = if keep {
        "kept, as asked"
    } else {
        "left out; `--keep-suspects` keeps what is right"
    };
    let rows = doubts::few(&numbers, sheet.unit());
    notes.push(Note::Warning(format!(
        "{count} diverged by the losses of runs like them ({rows}): {done}"
    )));
    if keep {
        return;
    }
    let times: HashMap<usize, f64> = suspects.into_iter().collect();
    for (place, entry) in std::mem::take(runs).into_iter().enumerate() {
        match times.get(&place) {
            None => runs.push(entry),
            Some(times) => {
                let (run, _) = entry;
                let loss = run.loss;
                let reason = format!(
                    "suspected to have diverged: its loss of {loss} is {times:.1} times that of runs like it"
                );
                excluded.push(Excluded {
                    run: run.name,
                    reason,
                });
            }
        }
    }
}

fn study(
    runs: Vec<(Run, u64)>,
    budgets: Vec<f64>,
    sizes: Vec<String>,
    excluded: Vec<Excluded>,
) -> Study {
    let mut study = Study {
        excluded,
        ..Study::default()
    };
    for (((run, seed), budget), size) in runs.into_iter().zip(budgets).zip(sizes) {
        let kind = run.budget_unit.clone();
        let observation = observation(run, seed, budget, size);
        match kind {
            None => study.observations.push(observation),
            Some(kind) => {
                let reason = format!(
                    "its budget is in {}, and a profile needs budgets in FLOPs",
                    kind.replace('_', " ")
                );
                study.excluded.push(Excluded {
                    run: observation.run.clone(),
                    reason,
                });
                study.unprofiled.push(Unprofiled {
                    unit: kind.replace("_per_", "/"),
                    observation,
                });
            }
        }
    }
    study
}

fn observation(run: Run, seed: u64, budget: f64, size: String) -> Observation {
    Observation {
        run: run.name,
        arm: run.arm,
        size,
        seed,
        budget,
        lr_factor: run.lr_factor.unwrap_or(1.0),
        flops: run.flops,
        params: run.params,
        tokens: run.tokens,
        loss: run.loss,
        further: run.further,
    }
}

fn no_runs(path: &Path, sheet: &Sheet, excluded: &[Excluded]) -> ForeignError {
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
    ForeignError::NoRuns {
        path: path.to_owned(),
        rows: sheet.len(),
        reasons: reasons.join("\n"),
    }
}
