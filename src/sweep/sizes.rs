//! From the entries of `sizes` to shapes.

use super::check::Check;
use super::{At, Ladder, SizeEntry, SweepError, SweepFile};
use isoflop_core::arch::{
    ASPECT, Counting, LadderError, Shape, Solved, geometric, paper_sweep, solve_params,
};

/// The sizes of a sweep, distinct; where shapes are solved for, notes say how near they come.
pub(super) fn sizes(
    file: &SweepFile,
    check: &Check<'_>,
    counting: &Counting<'_>,
) -> Result<(Vec<Shape>, Vec<String>), SweepError> {
    check.not_empty(
        "sizes",
        &file.sizes,
        "name at least one size, for example `d64-l3`",
    )?;
    let mut sizes: Vec<Shape> = Vec::new();
    let mut notes = Vec::new();
    for entry in &file.sizes.value {
        let solved = |result: Result<Vec<Solved>, LadderError>| {
            let hint = "choose targets nearer to what shapes can have, or spell the shapes out";
            result.map_err(|e| check.at(entry, e.to_string(), hint))
        };
        let found = match entry.value {
            SizeEntry::Shape(shape) => vec![shape],
            SizeEntry::PaperSweep => paper_sweep().collect(),
            SizeEntry::Params(0) => {
                return Err(check.at(entry, "`params` is 0", "give the number of parameters"));
            }
            SizeEntry::Params(target) => noted(
                solved(solve_params(counting, target, ASPECT).map(|one| vec![one]))?,
                &mut notes,
            ),
            SizeEntry::Ladder(ladder) => {
                within(check, entry, &ladder)?;
                let (from, to, rungs) = (ladder.from.0, ladder.to.0, ladder.rungs.0 as u32);
                noted(
                    solved(geometric(counting, from, to, rungs, ladder.aspect.0))?,
                    &mut notes,
                )
            }
        };
        for shape in found {
            if sizes.contains(&shape) {
                return Err(check.at(
                    entry,
                    format!("the size `{}` stands twice", shape.label()),
                    "remove one of them",
                ));
            }
            sizes.push(shape);
        }
    }
    Ok((sizes, notes))
}

fn noted(solved: Vec<Solved>, notes: &mut Vec<String>) -> Vec<Shape> {
    notes.extend(solved.iter().map(Solved::note));
    solved.into_iter().map(|one| one.shape).collect()
}

fn within(check: &Check<'_>, entry: &At<SizeEntry>, ladder: &Ladder) -> Result<(), SweepError> {
    check.count("`rungs`", &entry.with(ladder.rungs), 2..=1000)?;
    if ladder.from.0 == 0 || ladder.from >= ladder.to {
        let message = "a ladder goes up: `from` is above 0 and below `to`";
        return Err(check.at(entry, message, "give a `from` below `to`"));
    }
    check
        .within("`aspect`", &entry.with(ladder.aspect), 1.0..=1024.0)
        .map(drop)
}
