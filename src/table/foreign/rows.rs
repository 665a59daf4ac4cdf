//! Conversion of rows to runs. Every value is checked; rows without a loss are left out with the
//! reason.

use crate::tables::label;
use isoflop_core::run::Budget;
use isoflop_fit::findings::Measurement;
use isoflop_fit::{ExcludedRun, OptionalMeasurements};

use super::find::RoleColumns;
use super::roles::ColumnRole;
use super::sheet::{Sheet, SheetCell};
use super::value::{NUMBER_FORMATS, ambiguous_comma, escaped, number, text};
use super::{ForeignFault, TableNote};

/// A run with a loss. Budget, size, seed and learning-rate factor are optional.
#[derive(Clone, Debug)]
pub(super) struct ForeignRun {
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
    pub(super) further: OptionalMeasurements,
}

impl ForeignRun {
    /// Returns the numbers that the checks of the table use.
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

/// Name of the only architecture of a table without an architecture column.
const ONLY_ARM: &str = "all-runs";

/// Reads the runs of a sheet, and the rows that are left out.
pub(super) fn runs(
    sheet: &Sheet,
    found: &RoleColumns,
) -> Result<(Vec<ForeignRun>, Vec<ExcludedRun>), ForeignFault> {
    check_column_types(sheet, found)?;
    let reader = RowReader { sheet, found };
    let (mut runs, mut excluded) = (Vec::new(), Vec::new());
    for row in 0..sheet.len() {
        match reader.run(row) {
            Ok(run) => runs.push(run),
            Err(RejectedRow::LeftOut(reason)) => excluded.push(ExcludedRun {
                run: reader.name(row),
                reason,
            }),
            Err(RejectedRow::Fault(fault)) => return Err(fault),
        }
    }
    Ok((runs, excluded))
}

/// Returns notes on the assumptions for missing columns.
pub(super) fn assumptions(found: &RoleColumns) -> Vec<TableNote> {
    let only_arm =
        format!("no architecture column: all runs count as one architecture, `{ONLY_ARM}`");
    let assumed = [
        (ColumnRole::Arch, only_arm.as_str()),
        (ColumnRole::Flops, "no FLOPs column: assuming C = 6·N·D"),
        (
            ColumnRole::Tokens,
            "no tokens column: assuming D = C / (6·N)",
        ),
    ];
    let missing = assumed
        .into_iter()
        .filter(|(role, _)| found.column(*role).is_none());
    missing
        .map(|(_, note)| TableNote::Remark(note.to_owned()))
        .collect()
}

/// Returns the architecture of each row that has one.
pub(super) fn arms(sheet: &Sheet, found: &RoleColumns) -> impl Iterator<Item = String> {
    let column = found.column(ColumnRole::Arch);
    (0..sheet.len()).filter_map(move |row| text(sheet.cell(column?, row)))
}

/// Rejects columns of an unsupported type, except for the names of runs, which row numbers can
/// replace.
fn check_column_types(sheet: &Sheet, found: &RoleColumns) -> Result<(), ForeignFault> {
    let read = found
        .columns
        .iter()
        .filter(|(role, _)| *role != ColumnRole::Run);
    for (role, column) in read {
        if let Some(kind) = sheet.unsupported_type(*column) {
            return Err(ForeignFault::UnsupportedType {
                column: sheet.names[*column].clone(),
                kind: kind.to_owned(),
                named: role.is_named(),
            });
        }
    }
    Ok(())
}

struct RowReader<'a> {
    sheet: &'a Sheet,
    found: &'a RoleColumns,
}

/// Reason that a row is not a run.
enum RejectedRow {
    /// The row is left out, with the reason.
    LeftOut(String),
    /// The table is not usable.
    Fault(ForeignFault),
}

impl From<ForeignFault> for RejectedRow {
    fn from(fault: ForeignFault) -> Self {
        Self::Fault(fault)
    }
}

fn left_out(reason: &str) -> RejectedRow {
    RejectedRow::LeftOut(reason.to_owned())
}

impl RowReader<'_> {
    fn run(&self, row: usize) -> Result<ForeignRun, RejectedRow> {
        if let Some(reason) = self.exclusion_reason(row) {
            return Err(RejectedRow::LeftOut(reason));
        }
        let loss = self.loss(row)?;
        let (params, tokens, flops) = self.cost(row)?;
        let arm = match self.found.column(ColumnRole::Arch) {
            None => Some(ONLY_ARM.to_owned()),
            Some(_) => self.label(ColumnRole::Arch, row)?,
        };
        Ok(ForeignRun {
            row,
            name: self.name(row),
            arm: arm.ok_or_else(|| left_out("no `arch`"))?,
            size: self.label(ColumnRole::Size, row)?,
            seed: self.whole(ColumnRole::Seed, row)?,
            params,
            tokens,
            flops,
            budget: self.budget(row)?,
            lr_factor: self.positive(ColumnRole::LrFactor, row)?,
            loss,
            further: self.further(row, params)?,
        })
    }

    fn loss(&self, row: usize) -> Result<f64, RejectedRow> {
        match self.number(ColumnRole::Loss, row)? {
            None => Err(left_out("no loss")),
            Some(loss) if !loss.is_finite() => Err(left_out("its loss is not finite")),
            Some(loss) if loss <= 0.0 => {
                Err(self.fault(ColumnRole::Loss, row, "a number above 0").into())
            }
            Some(loss) => Ok(loss),
        }
    }

    /// Returns N, D and C. One of D and C may follow from the others.
    fn cost(&self, row: usize) -> Result<(f64, f64, f64), RejectedRow> {
        let values = (
            self.positive(ColumnRole::Params, row)?,
            self.positive(ColumnRole::Tokens, row)?,
            self.positive(ColumnRole::Flops, row)?,
        );
        let has = |role| self.found.column(role).is_some();
        match values {
            (Some(n), Some(d), Some(c)) => Ok((n, d, c)),
            (Some(n), Some(d), None) if !has(ColumnRole::Flops) => Ok((n, d, 6.0 * n * d)),
            (Some(n), None, Some(c)) if !has(ColumnRole::Tokens) => Ok((n, c / (6.0 * n), c)),
            (None, _, _) => Err(left_out("no `params`")),
            (_, None, _) if has(ColumnRole::Tokens) => Err(left_out("no `tokens`")),
            _ => Err(left_out("no `flops`")),
        }
    }

    /// Returns the budget, if the table has one. It is in FLOPs unless `budget_kind` names another
    /// unit of isoflop's own tables.
    fn budget(&self, row: usize) -> Result<Option<Budget>, RejectedRow> {
        let value = self.positive(ColumnRole::FlopsBudget, row)?;
        let kind = self.text(ColumnRole::BudgetKind, row);
        let of_kind = |value| match &kind {
            None => Some(Budget::Flops(value)),
            Some(kind) => Budget::from_kind(kind, value),
        };
        match (of_kind(value.unwrap_or(1.0)), value) {
            (None, _) => Err(RejectedRow::LeftOut(format!(
                "unknown `budget_kind` `{}`: expected `flops`, `tokens` or `tokens_per_param`",
                kind.unwrap_or_default()
            ))),
            (Some(budget), Some(_)) => Ok(Some(budget)),
            // Without a budget, the run's FLOPs are its budget.
            (Some(Budget::Flops(_)), None) => Ok(None),
            (Some(_), None) => Err(left_out("no `flops_budget`")),
        }
    }

    fn further(&self, row: usize, params: f64) -> Result<OptionalMeasurements, ForeignFault> {
        Ok(OptionalMeasurements {
            params_without_embedding: self.without_embedding(row, params)?,
            device_seconds: match self.positive(ColumnRole::DeviceSeconds, row)? {
                None if self.is_sweep_table() => self.sweep_device_seconds(row),
                seconds => seconds,
            },
            unique_tokens: self.positive(ColumnRole::UniqueTokens, row)?,
            learning_rate: self.positive(ColumnRole::LearningRate, row)?,
            batch_tokens: self.positive(ColumnRole::BatchTokens, row)?,
        })
    }

    fn without_embedding(&self, row: usize, params: f64) -> Result<Option<f64>, ForeignFault> {
        // Either number may be rounded, such as 1.3B.
        const ROUNDED: f64 = 1.05;
        let part = self.positive(ColumnRole::ParamsWithoutEmbedding, row)?;
        match part.filter(|part| *part > params * ROUNDED) {
            None => Ok(part),
            Some(of_part) => Err(ForeignFault::ParamsWithoutEmbeddingTooLarge {
                row: self.row(row),
                part: self.column(ColumnRole::ParamsWithoutEmbedding),
                of_part,
                all: self.column(ColumnRole::Params),
                of_all: params,
            }),
        }
    }

    /// Reports whether the table is the `runs.parquet` of a sweep.
    fn is_sweep_table(&self) -> bool {
        self.found.column(ColumnRole::BudgetKind).is_some() && self.named("run_id").is_some()
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.sheet.names.iter().position(|other| other == name)
    }

    /// Returns the cell of a column that has no role.
    fn cell(&self, name: &str, row: usize) -> SheetCell<'_> {
        self.named(name)
            .map_or(SheetCell::Missing, |column| self.sheet.cell(column, row))
    }

    /// Returns the device seconds of a run of a sweep, which has one device. `None` for a branch of
    /// a trunk, which did not spend the trunk's seconds itself.
    fn sweep_device_seconds(&self, row: usize) -> Option<f64> {
        number(self.cell("train_seconds", row))
            .filter(|seconds| *seconds > 0.0 && self.cell("trunk_steps", row) == SheetCell::Missing)
    }

    /// Returns the reason to leave out a run of this status, or `None` if it is finished.
    fn exclusion_reason(&self, row: usize) -> Option<String> {
        let status = self.text(ColumnRole::Status, row)?;
        match status.to_lowercase().as_str() {
            status if FINISHED.contains(&status) => None,
            "diverged" => match number(self.cell("steps", row)).filter(|_| self.is_sweep_table()) {
                Some(steps) => Some(format!("diverged at step {steps}")),
                None => Some("diverged".to_owned()),
            },
            "missing" => Some("no valid outcome".to_owned()),
            _ => Some(format!("status `{}`", escaped(&status))),
        }
    }

    /// Returns the run's name with its line or row. For the table of a sweep, returns the label of
    /// the run in that sweep.
    fn name(&self, row: usize) -> String {
        let own = self.text(ColumnRole::Run, row).map(|own| escaped(&own));
        if self.is_sweep_table() {
            let number = |role, or| {
                let cell = self
                    .found
                    .column(role)
                    .map(|column| self.sheet.cell(column, row));
                cell.and_then(number).unwrap_or(or)
            };
            let text = |role| self.text(role, row).unwrap_or_default();
            return label(
                &text(ColumnRole::Arch),
                &text(ColumnRole::Size),
                number(ColumnRole::FlopsBudget, f64::NAN),
                number(ColumnRole::LrFactor, 1.0),
                number(ColumnRole::Seed, 0.0) as u64,
                &own.unwrap_or_default(),
            );
        }
        match own {
            Some(own) => format!("{own} ({})", self.sheet.location(row)),
            None => self.sheet.location(row),
        }
    }

    /// Reads a name that appears in figures, reports and command lines.
    fn label(&self, role: ColumnRole, row: usize) -> Result<Option<String>, ForeignFault> {
        match self.text(role, row) {
            Some(text) if text.contains(char::is_control) => Err(self.fault(
                role,
                row,
                "a name without line breaks or other control characters",
            )),
            text => Ok(text),
        }
    }

    fn text(&self, role: ColumnRole, row: usize) -> Option<String> {
        text(self.sheet.cell(self.found.column(role)?, row))
    }

    fn number(&self, role: ColumnRole, row: usize) -> Result<Option<f64>, ForeignFault> {
        let Some(column) = self.found.column(role) else {
            return Ok(None);
        };
        match self.sheet.cell(column, row) {
            SheetCell::Missing => Ok(None),
            cell => number(cell)
                .map(Some)
                .ok_or_else(|| self.number_fault(role, row)),
        }
    }

    fn positive(&self, role: ColumnRole, row: usize) -> Result<Option<f64>, ForeignFault> {
        match self.number(role, row)? {
            // pandas writes NaN for missing numbers.
            Some(value) if value.is_nan() => Ok(None),
            Some(value) if !value.is_finite() => Err(self.fault(role, row, "a finite number")),
            Some(value) if value <= 0.0 => Err(self.fault(role, row, "a number above 0")),
            value => Ok(value),
        }
    }

    fn whole(&self, role: ColumnRole, row: usize) -> Result<Option<u64>, ForeignFault> {
        match self.number(role, row)?.filter(|value| !value.is_nan()) {
            Some(value) if value < 0.0 || value.fract() != 0.0 || value > 2f64.powi(53) => {
                Err(self.fault(role, row, "a whole number of at least 0"))
            }
            value => Ok(value.map(|value| value as u64)),
        }
    }

    fn number_fault(&self, role: ColumnRole, row: usize) -> ForeignFault {
        let found = self.text(role, row).unwrap_or_default();
        match ambiguous_comma(&found) {
            Some((decimal, whole)) => {
                let (row, column) = (self.row(row), self.column(role));
                ForeignFault::AmbiguousComma {
                    row,
                    column,
                    found,
                    decimal,
                    whole,
                }
            }
            None => self.fault(role, row, NUMBER_FORMATS),
        }
    }

    fn fault(&self, role: ColumnRole, row: usize, allowed: &'static str) -> ForeignFault {
        let found = escaped(&self.text(role, row).unwrap_or_default());
        ForeignFault::Value {
            row: self.row(row),
            column: self.column(role),
            found,
            allowed,
        }
    }

    /// Returns the name of a role's column.
    fn column(&self, role: ColumnRole) -> String {
        self.found.name(self.sheet, role).to_owned()
    }

    /// Formats the location of a row after the name of the file: `:4`, or `, row 3`.
    fn row(&self, row: usize) -> String {
        match self.sheet.unit() {
            "line" => format!(":{}", self.sheet.number(row)),
            _ => format!(", {}", self.sheet.location(row)),
        }
    }
}

/// Statuses of finished runs.
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
