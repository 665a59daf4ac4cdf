//! Rows that stand for one run twice, and runs that were repeated.

use std::collections::{HashMap, HashSet};

use isoflop_core::run::Budget;
use isoflop_core::units::Ordered;
use isoflop_fit::Excluded;

use super::Note;
use super::find::Found;
use super::roles::Role;
use super::rows::Run;
use super::sheet::{Cell, Sheet};
use super::value::number;

/// A run with its seed.
pub(super) type Seeded = (Run, u64);

/// Leaves out rows that say again what a row before said, and gives each repeat a seed of its own.
pub(super) fn part(
    sheet: &Sheet,
    found: &Found,
    runs: Vec<Run>,
    excluded: &mut Vec<Excluded>,
    notes: &mut Vec<Note>,
) -> Vec<Seeded> {
    let mut kept: Vec<Seeded> = Vec::with_capacity(runs.len());
    let mut groups: HashMap<Key, Group> = HashMap::new();
    let mut again: Vec<usize> = Vec::new();
    for run in runs {
        let group = groups.entry(Key::of(&run)).or_default();
        if group.said.insert((Ordered(run.loss), run.seed)) {
            let seed = group.seed(run.seed);
            group.rows.push(run.row);
            kept.push((run, seed));
            continue;
        }
        again.push(run.row);
        // One reason, whichever row it is: people are told how many have it.
        excluded.push(Excluded {
            run: run.name,
            reason: "the same as an earlier row".to_owned(),
        });
    }
    notes.extend(said_again(sheet, &again));
    let repeated: Vec<&Group> = groups
        .values()
        .filter(|group| group.numbered && group.rows.len() > 1)
        .collect();
    say(sheet, found, &repeated, notes);
    kept
}

fn said_again(sheet: &Sheet, rows: &[usize]) -> Option<Note> {
    let places = sheet.places(rows);
    let text = match rows.len() {
        0 => return None,
        1 => format!("1 row says again what another says, and is left out ({places})"),
        twice => {
            format!("{twice} rows say again what others say, and are left out ({places})")
        }
    };
    Some(Note::Remark(text))
}

/// What runs share that are repeats of each other: all but the seed.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    arm: String,
    size: Option<String>,
    budget: Option<Budget>,
    numbers: [Option<Ordered>; 7],
}

impl Key {
    fn of(run: &Run) -> Self {
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
            .map(|number| number.map(Ordered)),
        }
    }
}

#[derive(Default)]
struct Group {
    /// Loss and seed of each row that is kept.
    said: HashSet<(Ordered, Option<u64>)>,
    rows: Vec<usize>,
    seeds: HashSet<u64>,
    /// Least seed that may be free.
    next: u64,
    /// Whether a seed is not the table's.
    numbered: bool,
}

impl Group {
    /// The seed of the table, or the next that is free.
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

fn say(sheet: &Sheet, found: &Found, repeated: &[&Group], notes: &mut Vec<Note>) {
    if repeated.is_empty() {
        return;
    }
    let runs: usize = repeated.iter().map(|group| group.rows.len()).sum();
    let shared = if found.column(Role::Seed).is_some() {
        "architecture, N, D, C and seed"
    } else {
        "architecture, N, D and C"
    };
    notes.push(Note::Remark(format!(
        "{runs} runs share {shared} with others and differ in loss: they are kept as repeats, with seeds of their own"
    )));
    for column in (0..sheet.names.len()).filter(|column| !found.is_taken(*column)) {
        if tells_apart(sheet, column, repeated) {
            notes.push(Note::Warning(format!(
                "these repeats differ in `{0}`, which has no part in the fits: if it is what you compare, say `--map arch={0}`",
                sheet.names[column]
            )));
        }
    }
}

/// Whether a column of few words differs within every group of repeats, as a data set's name does that nobody mapped.
fn tells_apart(sheet: &Sheet, column: usize, repeated: &[&Group]) -> bool {
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

/// A text that is no number.
fn word(cell: Cell<'_>) -> Option<&str> {
    match cell {
        Cell::Text(text) if number(cell).is_none() => Some(text),
        _ => None,
    }
}
