//! Rows to runs: each value checked, and rows that hold no loss left out with the reason.

use std::path::Path;

use crate::tables::label;
use isoflop_core::run::Budget;
use isoflop_fit::findings::Measurement;
use isoflop_fit::{Excluded, Further};

use super::find::Found;
use super::roles::Role;
use super::sheet::{Cell, Sheet};
use super::value::{NUMBERS, comma, number, shown, text};
use super::{ForeignError, Note};

/// A run that has a loss, with what the table gives of its place among the others.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Its row in the sheet.
    pub(super) row: usize,
    /// Its name in messages.
    pub(super) name: String,
    pub(super) arm: String,
    pub(super) size: Option<String>,
    pub(super) seed: Option<u64>,
    pub(super) params: f64,
    pub(super) tokens: f64,
    pub(super) flops: f64,
    pub(super) budget: Option<Budget>,
    pub(super) lr_factor: Option<f64>,
    pub(super) loss: f64,
    pub(super) further: Further,
}

impl Run {
    /// What statistics rest on.
    pub(super) fn measurement(&self) -> Measurement<'_> {
        Measurement {
            arm: &self.arm,
            params: self.params,
            tokens: self.tokens,
            flops: self.flops,
            loss: self.loss,
        }
    }
}

/// The name of the one architecture of a table that names none.
const ONLY_ARM: &str = "all-runs";

/// The runs of a sheet, and the rows that are none.
pub(super) fn runs(
    path: &Path,
    sheet: &Sheet,
    found: &Found,
) -> Result<(Vec<Run>, Vec<Excluded>), ForeignError> {
    all_are_read(path, sheet, found)?;
    let reader = Reader { path, sheet, found };
    let (mut runs, mut excluded) = (Vec::new(), Vec::new());
    for row in 0..sheet.len() {
        match reader.run(row)? {
            Ok(run) => runs.push(run),
            Err(reason) => excluded.push(Excluded {
                run: reader.name(row),
                reason,
            }),
        }
    }
    Ok((runs, excluded))
}

/// What stands in place of columns that a table does not have.
pub(super) fn assumptions(found: &Found) -> Vec<Note> {
    let only_arm = format!("no column names an architecture: all runs are one, `{ONLY_ARM}`");
    let assumed = [
        (Role::Arch, only_arm.as_str()),
        (Role::Flops, "no column has FLOPs: C = 6·N·D"),
        (Role::Tokens, "no column has tokens: D = C / (6·N)"),
    ];
    let missing = assumed
        .into_iter()
        .filter(|(role, _)| found.column(*role).is_none());
    missing
        .map(|(_, note)| Note::Remark(note.to_owned()))
        .collect()
}

/// Every architecture that rows name, as often as they do.
pub(super) fn arms(sheet: &Sheet, found: &Found) -> impl Iterator<Item = String> {
    let column = found.column(Role::Arch);
    (0..sheet.len()).filter_map(move |row| text(sheet.cell(column?, row)))
}

/// Refuses columns whose type is not read, but for names of runs: rows have numbers too.
fn all_are_read(path: &Path, sheet: &Sheet, found: &Found) -> Result<(), ForeignError> {
    let unread = |(role, column): &(Role, usize)| Some((*role, *column, sheet.unread(*column)?));
    match found
        .all()
        .iter()
        .filter_map(unread)
        .find(|(role, ..)| *role != Role::Run)
    {
        None => Ok(()),
        Some((role, column, kind)) => Err(ForeignError::Unread {
            path: path.to_owned(),
            column: sheet.names[column].clone(),
            kind: kind.to_owned(),
            named: role.is_named(),
        }),
    }
}

struct Reader<'a> {
    path: &'a Path,
    sheet: &'a Sheet,
    found: &'a Found,
}

/// A row that is no run, with the reason.
type OrLeftOut<T> = Result<T, String>;

impl Reader<'_> {
    fn run(&self, row: usize) -> Result<OrLeftOut<Run>, ForeignError> {
        if let Some(reason) = self.unfinished(row) {
            return Ok(Err(reason));
        }
        let loss = match self.loss(row)? {
            Ok(loss) => loss,
            Err(reason) => return Ok(Err(reason)),
        };
        let (params, tokens, flops) = match self.cost(row)? {
            Ok(cost) => cost,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(Ok(Run {
            row,
            name: self.name(row),
            arm: match self.found.column(Role::Arch) {
                None => ONLY_ARM.to_owned(),
                Some(_) => match self.label(Role::Arch, row)? {
                    Some(arm) => arm,
                    None => return Ok(Err("no `arch`".to_owned())),
                },
            },
            size: self.label(Role::Size, row)?,
            seed: self.whole(Role::Seed, row)?,
            params,
            tokens,
            flops,
            budget: match self.budget(row)? {
                Ok(budget) => budget,
                Err(reason) => return Ok(Err(reason)),
            },
            lr_factor: self.positive(Role::LrFactor, row)?,
            loss,
            further: self.further(row, params)?,
        }))
    }

    fn loss(&self, row: usize) -> Result<OrLeftOut<f64>, ForeignError> {
        Ok(match self.number(Role::Loss, row)? {
            None => Err("no loss".to_owned()),
            Some(loss) if !loss.is_finite() => Err("a loss that is not a finite number".to_owned()),
            Some(loss) if loss <= 0.0 => return Err(self.fault(Role::Loss, row, "above 0")),
            Some(loss) => Ok(loss),
        })
    }

    /// N, D and C, of which one may follow from the others.
    fn cost(&self, row: usize) -> Result<OrLeftOut<(f64, f64, f64)>, ForeignError> {
        let values = (
            self.positive(Role::Params, row)?,
            self.positive(Role::Tokens, row)?,
            self.positive(Role::Flops, row)?,
        );
        let has = |role| self.found.column(role).is_some();
        Ok(match values {
            (Some(n), Some(d), Some(c)) => Ok((n, d, c)),
            (Some(n), Some(d), None) if !has(Role::Flops) => Ok((n, d, 6.0 * n * d)),
            (Some(n), None, Some(c)) if !has(Role::Tokens) => Ok((n, c / (6.0 * n), c)),
            (None, _, _) => Err("no `params`".to_owned()),
            (_, None, _) if has(Role::Tokens) => Err("no `tokens`".to_owned()),
            _ => Err("no `flops`".to_owned()),
        })
    }

    /// The budget, where the table has one: in FLOPs, unless it says another unit that isoflop's own tables have.
    fn budget(&self, row: usize) -> Result<OrLeftOut<Option<Budget>>, ForeignError> {
        let value = self.positive(Role::FlopsBudget, row)?;
        let kind = self.text(Role::BudgetKind, row);
        let of_kind = |value| match &kind {
            None => Some(Budget::Flops(value)),
            Some(kind) => Budget::of_kind(kind, value),
        };
        Ok(match (of_kind(value.unwrap_or(1.0)), value) {
            (None, _) => Err(format!(
                "its `budget_kind` is `{}`, allowed is `flops`, `tokens` or `tokens_per_param`",
                kind.unwrap_or_default()
            )),
            (Some(budget), Some(_)) => Ok(Some(budget)),
            // It has the budget that it spent.
            (Some(Budget::Flops(_)), None) => Ok(None),
            (Some(_), None) => Err("no `flops_budget`".to_owned()),
        })
    }

    fn further(&self, row: usize, params: f64) -> Result<Further, ForeignError> {
        Ok(Further {
            params_without_embedding: self.without_embedding(row, params)?,
            device_seconds: match self.positive(Role::DeviceSeconds, row)? {
                None if self.is_ours() => self.our_seconds(row),
                seconds => seconds,
            },
            unique_tokens: self.positive(Role::UniqueTokens, row)?,
            learning_rate: self.positive(Role::LearningRate, row)?,
            batch_tokens: self.positive(Role::BatchTokens, row)?,
        })
    }

    fn without_embedding(&self, row: usize, params: f64) -> Result<Option<f64>, ForeignError> {
        // Either may be rounded, as 1.3B is.
        const ROUNDED: f64 = 1.05;
        let part = self.positive(Role::ParamsWithoutEmbedding, row)?;
        match part.filter(|part| *part > params * ROUNDED) {
            None => Ok(part),
            Some(of_part) => Err(ForeignError::PartAboveAll {
                place: self.place(row),
                part: self.column(Role::ParamsWithoutEmbedding),
                of_part,
                all: self.column(Role::Params),
                of_all: params,
            }),
        }
    }

    /// Whether the table is `runs.parquet` of a sweep.
    fn is_ours(&self) -> bool {
        self.found.column(Role::BudgetKind).is_some() && self.named("run_id").is_some()
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.sheet.names.iter().position(|other| other == name)
    }

    /// The cell of a column that has no role.
    fn cell(&self, name: &str, row: usize) -> Cell<'_> {
        self.named(name)
            .map_or(Cell::Missing, |column| self.sheet.cell(column, row))
    }

    /// A run of a sweep has one device; one that took over a trunk did not spend the trunk's seconds itself.
    fn our_seconds(&self, row: usize) -> Option<f64> {
        number(self.cell("train_seconds", row))
            .filter(|seconds| *seconds > 0.0 && self.cell("trunk_steps", row) == Cell::Missing)
    }

    /// Why a run of this status is left out; nothing where it is finished.
    fn unfinished(&self, row: usize) -> Option<String> {
        let status = self.text(Role::Status, row)?;
        match status.to_lowercase().as_str() {
            status if FINISHED.contains(&status) => None,
            "diverged" => match number(self.cell("steps", row)).filter(|_| self.is_ours()) {
                Some(steps) => Some(format!("diverged at step {steps}")),
                None => Some("diverged".to_owned()),
            },
            "missing" => Some("no valid outcome".to_owned()),
            _ => Some(format!("status `{}`", shown(&status))),
        }
    }

    /// The run's own name with its place in the file; for a sweep's table the name that the sweep gives it.
    fn name(&self, row: usize) -> String {
        let own = self.text(Role::Run, row).map(|own| shown(&own));
        if self.is_ours() {
            let number = |role| {
                self.found
                    .column(role)
                    .and_then(|column| number(self.sheet.cell(column, row)))
            };
            let text = |role| self.text(role, row).unwrap_or_default();
            let (budget, lr) = (number(Role::FlopsBudget), number(Role::LrFactor));
            let seed = number(Role::Seed).unwrap_or(0.0) as u64;
            let id = own.unwrap_or_default();
            let (arm, size) = (text(Role::Arch), text(Role::Size));
            return label(
                &arm,
                &size,
                budget.unwrap_or(f64::NAN),
                lr.unwrap_or(1.0),
                seed,
                &id,
            );
        }
        match own {
            Some(own) => format!("{own} ({})", self.sheet.place(row)),
            None => self.sheet.place(row),
        }
    }

    /// A text that stands in figures, reports and command lines.
    fn label(&self, role: Role, row: usize) -> Result<Option<String>, ForeignError> {
        match self.text(role, row) {
            Some(text) if text.contains(char::is_control) => Err(self.fault(
                role,
                row,
                "a name without line breaks and other control characters",
            )),
            text => Ok(text),
        }
    }

    fn text(&self, role: Role, row: usize) -> Option<String> {
        text(self.sheet.cell(self.found.column(role)?, row))
    }

    fn number(&self, role: Role, row: usize) -> Result<Option<f64>, ForeignError> {
        let Some(column) = self.found.column(role) else {
            return Ok(None);
        };
        match self.sheet.cell(column, row) {
            Cell::Missing => Ok(None),
            cell => number(cell)
                .map(Some)
                .ok_or_else(|| self.no_number(role, row)),
        }
    }

    fn positive(&self, role: Role, row: usize) -> Result<Option<f64>, ForeignError> {
        match self.number(role, row)? {
            // What pandas leaves where a number is missing.
            Some(value) if value.is_nan() => Ok(None),
            Some(value) if !value.is_finite() => Err(self.fault(role, row, "a finite number")),
            Some(value) if value <= 0.0 => Err(self.fault(role, row, "above 0")),
            value => Ok(value),
        }
    }

    fn whole(&self, role: Role, row: usize) -> Result<Option<u64>, ForeignError> {
        match self.number(role, row)?.filter(|value| !value.is_nan()) {
            Some(value) if value < 0.0 || value.fract() != 0.0 || value > 2f64.powi(53) => {
                Err(self.fault(role, row, "a whole number from 0"))
            }
            value => Ok(value.map(|value| value as u64)),
        }
    }

    fn no_number(&self, role: Role, row: usize) -> ForeignError {
        let found = self.text(role, row).unwrap_or_default();
        match comma(&found) {
            Some((decimal, whole)) => {
                let (place, column) = (self.place(row), self.column(role));
                ForeignError::Comma {
                    place,
                    column,
                    found,
                    decimal,
                    whole,
                }
            }
            None => self.fault(role, row, NUMBERS),
        }
    }

    fn fault(&self, role: Role, row: usize, allowed: &'static str) -> ForeignError {
        let found = shown(&self.text(role, row).unwrap_or_default());
        ForeignError::Value {
            place: self.place(row),
            column: self.column(role),
            found,
            allowed,
        }
    }

    /// The name of a role's column.
    fn column(&self, role: Role) -> String {
        self.found.name(self.sheet, role).to_owned()
    }

    /// `runs.csv:4`, or `runs.parquet, row 3`.
    fn place(&self, row: usize) -> String {
        let file = self.path.display();
        match self.sheet.unit() {
            "line" => format!("{file}:{}", self.sheet.number(row)),
            _ => format!("{file}, {}", self.sheet.place(row)),
        }
    }
}

/// Words for a run that is finished.
const FINISHED: [&str; 8] = [
    "finished",
    "finish",
    "completed",
    "complete",
    "done",
    "success",
    "succeeded",
    "ok",
];
