//! Shapes from the entries of `sizes`.

use super::error::ValueError;
use super::{Ladder, LocatedValue, SizeEntry, SweepFile};
use isoflop_core::arch::{
    ASPECT, LadderBasis, LadderError, Shape, SolvedShape, geometric, paper_sweep, solve_params,
};

/// Returns the sizes of a sweep, which must differ, and notes on the distances of solved shapes
/// from their targets.
pub(super) fn sizes(
    file: &SweepFile,
    counting: &LadderBasis<'_>,
) -> Result<(Vec<Shape>, Vec<String>), ValueError> {
    let hint = "name at least one size, for example `d64-l3`";
    file.sizes.not_empty("sizes", hint)?;
    let (mut sizes, mut notes) = (Vec::new(), Vec::new());
    let mut noted = |solved: Vec<SolvedShape>| {
        notes.extend(solved.iter().map(SolvedShape::note));
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
                let message = format!("duplicate size `{}`", shape.label());
                return Err(entry.error(message, "remove one of them"));
            }
            sizes.push(shape);
        }
    }
    Ok((sizes, notes))
}

fn nearest_size(
    entry: &LocatedValue<SizeEntry>,
    target: u64,
    counting: &LadderBasis<'_>,
) -> Result<SolvedShape, ValueError> {
    if target == 0 {
        return Err(entry.error(
            "`params` is out of range: expected at least 1, found 0",
            "give a number of parameters",
        ));
    }
    solve_params(counting, target, ASPECT).map_err(|e| ladder_error(entry, &e))
}

fn rungs(
    entry: &LocatedValue<SizeEntry>,
    ladder: &Ladder,
    counting: &LadderBasis<'_>,
) -> Result<Vec<SolvedShape>, ValueError> {
    let rungs = entry.with(ladder.rungs).within("`rungs`", 2..=1000)? as u32;
    let (from, to) = (ladder.from.0, ladder.to.0);
    if from == 0 || from >= to {
        let message =
            format!("`from` is out of range: expected above 0 and below `to` ({to}), found {from}");
        return Err(entry.error(message, "give a `from` that is smaller than `to`"));
    }
    let aspect = entry.with(ladder.aspect).within("`aspect`", 1.0..=1024.0)?;
    geometric(counting, from, to, rungs, aspect).map_err(|e| ladder_error(entry, &e))
}

fn ladder_error(entry: &LocatedValue<SizeEntry>, error: &LadderError) -> ValueError {
    let hint = "choose other targets, or list the shapes themselves";
    entry.error(error.to_string(), hint)
}
