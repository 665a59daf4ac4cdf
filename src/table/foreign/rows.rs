//! Rows to runs: each value checked, and rows that hold no loss left out with the reason.

use crate::tables::label;
use isoflop_core::run::Budget;
use isoflop_fit::findings::Measurement;
use isoflop_fit::{Excluded, Further};

use super::find::Found;
use super::roles::Role;
use super::sheet::{Cell, Sheet};
use super::value::{NUMBERS, comma, number, shown, text};
use super::{ForeignFault, Note};

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
    sheet: &Sheet,
    found: &Found,
) -> Result<(Vec<Run>, Vec<Excluded>), ForeignFault> {
    all_are_read(sheet, found)?;
    let reader = Reader { sheet, found };
    let (mut runs, mut excluded) = (Vec::new(), Vec::new());
    for row in 0..sheet.len() {
        match reader.run(row) {
            Ok(run) => runs.push(run),
            Err(NoRun::LeftOut(reason)) => excluded.push(Excluded {
                run: reader.name(row),
                reason,
            }),
            Err(NoRun::Fault(fault)) => return Err(fault),
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
fn all_are_read(sheet: &Sheet, found: &Found) -> Result<(), ForeignFault> {
    let read = found.columns.iter().filter(|(role, _)| *role != Role::Run);
    for (role, column) in read {
        if let Some(kind) = sheet.unread(*column) {
            return Err(ForeignFault::Unread {
                column: sheet.names[*column].clone(),
                kind: kind.to_owned(),
                named: role.is_named(),
            });
        }
    }
    Ok(())
}

struct Reader<'a> {
    sheet: &'a Sheet,
    found: &'a Found,
}

/// Why a row is no run.
enum NoRun {
    /// It is left out, with the reason.
    LeftOut(String),
    /// The table is not usable.
    Fault(ForeignFault),
}

impl From<ForeignFault> for NoRun {
    fn from(fault: ForeignFault) -> Self {
        Self::Fault(fault)
    }
}

fn left_out(reason: &str) -> NoRun {
    NoRun::LeftOut(reason.to_owned())
}

impl Reader<'_> {
    fn run(&self, row: usize) -> Result<Run, NoRun> {
        if let Some(reason) = self.unfinished(row) {
            return Err(NoRun::LeftOut(reason));
        }
        let loss = self.loss(row)?;
        let (params, tokens, flops) = self.cost(row)?;
        let arm = match self.found.column(Role::Arch) {
            None => Some(ONLY_ARM.to_owned()),
            Some(_) => self.label(Role::Arch, row)?,
        };
        Ok(Run {
            row,
            name: self.name(row),
            arm: arm.ok_or_else(|| left_out("no `arch`"))?,
            size: self.label(Role::Size, row)?,
            seed: self.whole(Role::Seed, row)?,
            params,
            tokens,
            flops,
            budget: self.budget(row)?,
            lr_factor: self.positive(Role::LrFactor, row)?,
            loss,
            further: self.further(row, params)?,
        })
    }

    fn loss(&self, row: usize) -> Result<f64, NoRun> {
        match self.number(Role::Loss, row)? {
            None => Err(left_out("no loss")),
            Some(loss) if !loss.is_finite() => Err(left_out("a loss that is not a finite number")),
            Some(loss) if loss <= 0.0 => Err(self.fault(Role::Loss, row, "above 0").into()),
            Some(loss) => Ok(loss),
        }
    }

    /// N, D and C, of which one may follow from the others.
    fn cost(&self, row: usize) -> Result<(f64, f64, f64), NoRun> {
        let values = (
            self.positive(Role::Params, row)?,
            self.positive(Role::Tokens, row)?,
            self.positive(Role::Flops, row)?,
        );
        let has = |role| self.found.column(role).is_some();
        match values {
            (Some(n), Some(d), Some(c)) => Ok((n, d, c)),
            (Some(n), Some(d), None) if !has(Role::Flops) => Ok((n, d, 6.0 * n * d)),
            (Some(n), None, Some(c)) if !has(Role::Tokens) => Ok((n, c / (6.0 * n), c)),
            (None, _, _) => Err(left_out("no `params`")),
            (_, None, _) if has(Role::Tokens) => Err(left_out("no `tokens`")),
            _ => Err(left_out("no `flops`")),
        }
    }

    /// The budget, where the table has one: in FLOPs, unless it says another unit that isoflop's own tables have.
    fn budget(&self, row: usize) -> Result<Option<Budget>, NoRun> {
        let value = self.positive(Role::FlopsBudget, row)?;
        let kind = self.text(Role::BudgetKind, row);
        let of_kind = |value| match &kind {
            None => Some(Budget::Flops(value)),
            Some(kind) => Budget::of_kind(kind, value),
        };
        match (of_kind(value.unwrap_or(1.0)), value) {
            (None, _) => Err(NoRun::LeftOut(format!(
                "its `budget_kind` is `{}`, allowed is `flops`, `tokens` or `tokens_per_param`",
                kind.unwrap_or_default()
            ))),
            (Some(budget), Some(_)) => Ok(Some(budget)),
            // It has the budget that it spent.
            (Some(Budget::Flops(_)), None) => Ok(None),
            (Some(_), None) => Err(left_out("no `flops_budget`")),
        }
    }

    fn further(&self, row: usize, params: f64) -> Result<Further, ForeignFault> {
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

    fn without_embedding(&self, row: usize, params: f64) -> Result<Option<f64>, ForeignFault> {
        // Either may be rounded, as 1.3B is.
        const ROUNDED: f64 = 1.05;
        let part = self.positive(Role::ParamsWithoutEmbedding, row)?;
        match part.filter(|part| *part > params * ROUNDED) {
            None => Ok(part),
            Some(of_part) => Err(ForeignFault::PartAboveAll {
                row: self.row(row),
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
            let number = |role, or| {
                let cell = self
                    .found
                    .column(role)
                    .map(|column| self.sheet.cell(column, row));
                cell.and_then(number).unwrap_or(or)
            };
            let text = |role| self.text(role, row).unwrap_or_default();
            return label(
                &text(Role::Arch),
                &text(Role::Size),
                number(Role::FlopsBudget, f64::NAN),
                number(Role::LrFactor, 1.0),
                number(Role::Seed, 0.0) as u64,
                &own.unwrap_or_default(),
            );
        }
        match own {
            Some(own) => format!("{own} ({})", self.sheet.place(row)),
            None => self.sheet.place(row),
        }
    }

    /// A text that stands in figures, reports and command lines.
    fn label(&self, role: Role, row: usize) -> Result<Option<String>, ForeignFault> {
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

    fn number(&self, role: Role, row: usize) -> Result<Option<f64>, ForeignFault> {
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

    fn positive(&self, role: Role, row: usize) -> Result<Option<f64>, ForeignFault> {
        match self.number(role, row)? {
            // What pandas leaves where a number is missing.
            Some(value) if value.is_nan() => Ok(None),
            Some(value) if !value.is_finite() => Err(self.fault(role, row, "a finite number")),
            Some(value) if value <= 0.0 => Err(self.fault(role, row, "above 0")),
            value => Ok(value),
        }
    }

    fn whole(&self, role: Role, row: usize) -> Result<Option<u64>, ForeignFault> {
        match self.number(role, row)?.filter(|value| !value.is_nan()) {
            Some(value) if value < 0.0 || value.fract() != 0.0 || value > 2f64.powi(53) => {
                Err(self.fault(role, row, "a whole number from 0"))
            }
            value => Ok(value.map(|value| value as u64)),
        }
    }

    fn no_number(&self, role: Role, row: usize) -> ForeignFault {
        let found = self.text(role, row).unwrap_or_default();
        match comma(&found) {
            Some((decimal, whole)) => {
                let (row, column) = (self.row(row), self.column(role));
                ForeignFault::Comma {
                    row,
                    column,
                    found,
                    decimal,
                    whole,
                }
            }
            None => self.fault(role, row, NUMBERS),
        }
    }

    fn fault(&self, role: Role, row: usize, allowed: &'static str) -> ForeignFault {
        let found = shown(&self.text(role, row).unwrap_or_default());
        ForeignFault::Value {
            row: self.row(row),
            column: self.column(role),
            found,
            allowed,
        }
    }

    /// The name of a role's column.
    fn column(&self, role: Role) -> String {
        self.found.name(self.sheet, role).to_owned()
    }

    /// What stands behind the name of a file: `:4`, or `, row 3`.
    fn row(&self, row: usize) -> String {
        match self.sheet.unit() {
            "line" => format!(":{}", self.sheet.number(row)),
            _ => format!(", {}", self.sheet.place(row)),
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
