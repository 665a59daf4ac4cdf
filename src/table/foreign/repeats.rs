//! Duplicate rows, and repeated runs.

use std::collections::{HashMap, HashSet};

use isoflop_core::run::Budget;
use isoflop_core::units::NumberKey;
use isoflop_fit::ExcludedRun;

use super::TableNote;
use super::find::RoleColumns;
use super::roles::ColumnRole;
use super::rows::ForeignRun;
use super::sheet::{Sheet, SheetCell};
use super::value::number;

/// A run with its seed.
pub(super) type SeededRun = (ForeignRun, u64);

/// Leaves out duplicate rows, and gives each repeat its own seed.
pub(super) fn separate_repeats(
    sheet: &Sheet,
    found: &RoleColumns,
    runs: Vec<ForeignRun>,
    excluded: &mut Vec<ExcludedRun>,
    notes: &mut Vec<TableNote>,
) -> Vec<SeededRun> {
    let mut kept: Vec<SeededRun> = Vec::with_capacity(runs.len());
    let mut groups: HashMap<RepeatKey, RepeatGroup> = HashMap::new();
    let mut again: Vec<usize> = Vec::new();
    for run in runs {
        let group = groups.entry(RepeatKey::of(&run)).or_default();
        if group.seen.insert((NumberKey(run.loss), run.seed)) {
            let seed = group.seed(run.seed);
            group.rows.push(run.row);
            kept.push((run, seed));
            continue;
        }
        again.push(run.row);
        // The same reason for all rows, because messages count the rows of each reason.
        excluded.push(ExcludedRun {
            run: run.name,
            reason: "duplicate of an earlier row".to_owned(),
        });
    }
    notes.extend(duplicates_note(sheet, &again));
    let repeated: Vec<&RepeatGroup> = groups
        .values()
        .filter(|group| group.numbered && group.rows.len() > 1)
        .collect();
    push_repeat_notes(sheet, found, &repeated, notes);
    kept
}

fn duplicates_note(sheet: &Sheet, rows: &[usize]) -> Option<TableNote> {
    let places = sheet.locations(rows);
    let text = match rows.len() {
        0 => return None,
        1 => format!("1 row duplicates another and is left out ({places})"),
        twice => {
            format!("{twice} rows duplicate others and are left out ({places})")
        }
    };
    Some(TableNote::Remark(text))
}

/// Values that repeats of a run share: all except seed and loss.
#[derive(PartialEq, Eq, Hash)]
struct RepeatKey {
    arm: String,
    size: Option<String>,
    budget: Option<Budget>,
    numbers: [Option<NumberKey>; 7],
}

impl RepeatKey {
    fn of(run: &ForeignRun) -> Self {
        let further = &run.further;
        Self {
            arm: run.arm.clone(),
            size: run.size.clone(),
            budget: run.budget,
            numbers: [
                Some(run.params),
                Some(run.tokens),
                Some(run.flops),
                run.lr_factor,
                further.learning_rate,
                further.batch_tokens,
                further.unique_tokens,
            ]
            .map(|number| number.map(NumberKey)),
        }
    }
}

#[derive(Default)]
struct RepeatGroup {
    /// Loss and seed of each kept row.
    seen: HashSet<(NumberKey, Option<u64>)>,
    rows: Vec<usize>,
    seeds: HashSet<u64>,
    /// Smallest seed that may be free.
    next: u64,
    /// True if a seed was assigned here, not by the table.
    numbered: bool,
}

impl RepeatGroup {
    /// Returns the seed of the table, or the next free one.
    fn seed(&mut self, given: Option<u64>) -> u64 {
        if let Some(seed) = given.filter(|seed| self.seeds.insert(*seed)) {
            return seed;
        }
        self.numbered = true;
        while !self.seeds.insert(self.next) {
            self.next += 1;
        }
        self.next
    }
}

fn push_repeat_notes(
    sheet: &Sheet,
    found: &RoleColumns,
    repeated: &[&RepeatGroup],
    notes: &mut Vec<TableNote>,
) {
    if repeated.is_empty() {
        return;
    }
    let runs: usize = repeated.iter().map(|group| group.rows.len()).sum();
    let shared = if found.column(ColumnRole::Seed).is_some() {
        "architecture, N, D, C and seed"
    } else {
        "architecture, N, D and C"
    };
    notes.push(TableNote::Remark(format!(
        "{runs} runs have the same {shared} as others but a different loss: they are kept as repeats, each with its own seed"
    )));
    for column in (0..sheet.names.len()).filter(|column| !found.has_role(*column)) {
        if distinguishes_repeats(sheet, column, repeated) {
            notes.push(TableNote::Warning(format!(
                "these repeats differ in `{0}`, which the fits do not use: if you compare it, pass `--map arch={0}`",
                sheet.names[column]
            )));
        }
    }
}

/// Reports whether a column has few distinct words and differs within every group of repeats, as an
/// unmapped name of a data set does.
fn distinguishes_repeats(sheet: &Sheet, column: usize, repeated: &[&RepeatGroup]) -> bool {
    const FEW: usize = 20;
    let mut all = HashSet::new();
    repeated.iter().all(|group| {
        let here: HashSet<&str> = group
            .rows
            .iter()
            .filter_map(|row| word(sheet.cell(column, *row)))
            .collect();
        let differs = here.len() == group.rows.len();
        all.extend(here);
        differs && all.len() <= FEW
    })
}

/// Returns a text that is not a number.
fn word(cell: SheetCell<'_>) -> Option<&str> {
    match cell {
        SheetCell::Text(text) if number(cell).is_none() => Some(text),
        _ => None,
    }
}
