//! From the entries of `sizes` to shapes.

use super::error::Fault;
use super::{At, Ladder, SizeEntry, SweepFile};
use isoflop_core::arch::{
    ASPECT, Counting, LadderError, Shape, Solved, geometric, paper_sweep, solve_params,
};

/// The sizes of a sweep, distinct; where shapes are solved for, notes say how near they come.
pub(super) fn sizes(
    file: &SweepFile,
    counting: &Counting<'_>,
) -> Result<(Vec<Shape>, Vec<String>), Fault> {
    let hint = "name at least one size, for example `d64-l3`";
    file.sizes.not_empty("sizes", hint)?;
    let (mut sizes, mut notes) = (Vec::new(), Vec::new());
    let mut noted = |solved: Vec<Solved>| {
        notes.extend(solved.iter().map(Solved::note));
        solved.into_iter().map(|one| one.shape).collect()
    };
    for entry in &file.sizes.value {
        let found: Vec<Shape> = match entry.value {
            SizeEntry::Shape(shape) => vec![shape],
            SizeEntry::PaperSweep => paper_sweep().collect(),
            SizeEntry::Params(target) => noted(vec![nearest_size(entry, target, counting)?]),
            SizeEntry::Ladder(ladder) => noted(rungs(entry, &ladder, counting)?),
        };
        for shape in found {
            if sizes.contains(&shape) {
                let message = format!("the size `{}` stands twice", shape.label());
                return Err(entry.fault(message, "remove one of them"));
            }
            sizes.push(shape);
        }
    }
    Ok((sizes, notes))
}

fn nearest_size(
    entry: &At<SizeEntry>,
    target: u64,
    counting: &Counting<'_>,
) -> Result<Solved, Fault> {
    if target == 0 {
        return Err(entry.fault("`params` is 0", "give the number of parameters"));
    }
    solve_params(counting, target, ASPECT).map_err(|e| unsolved(entry, &e))
}

fn rungs(
    entry: &At<SizeEntry>,
    ladder: &Ladder,
    counting: &Counting<'_>,
) -> Result<Vec<Solved>, Fault> {
    let rungs = entry.with(ladder.rungs).within("`rungs`", 2..=1000)? as u32;
    let (from, to) = (ladder.from.0, ladder.to.0);
    if from == 0 || from >= to {
        let message = "a ladder goes up: `from` is above 0 and below `to`";
        return Err(entry.fault(message, "give a `from` below `to`"));
    }
    let aspect = entry.with(ladder.aspect).within("`aspect`", 1.0..=1024.0)?;
    geometric(counting, from, to, rungs, aspect).map_err(|e| unsolved(entry, &e))
}

fn unsolved(entry: &At<SizeEntry>, error: &LadderError) -> Fault {
    let hint = "choose targets nearer to what shapes can have, or spell the shapes out";
    entry.fault(error.to_string(), hint)
}
