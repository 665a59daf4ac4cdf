//! Names of sizes where the table has none.
//!
//! Arms that share (size, budget, seed) share a bootstrap weight, so a size must be named alike in both. Equal N is an
//! equal size. Where no N is equal between the arms of a budget, they are paired by rank if that can mean one thing only:
//! every arm has as many sizes, at least [`FEWEST`], and the largest N of a rank lies below the least N of the next.
//! Pairing runs that share nothing does no harm: a weight they share leaves the variance of their difference as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::Note;
use super::rows::Run;

/// Sizes an arm must have at a budget for ranks to be paired.
const FEWEST: usize = 4;

/// The size of each run, in their order.
pub(super) fn sizes(runs: &[(Run, u64)], budgets: &[f64], notes: &mut Vec<Note>) -> Vec<String> {
    let mut cells: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (place, budget) in budgets.iter().enumerate() {
        cells.entry(budget.to_bits()).or_default().push(place);
    }
    let mut sizes: Vec<String> = runs.iter().map(|(run, _)| by_params(run)).collect();
    let mut paired = 0;
    for members in cells.values() {
        let Some(ranks) = ranks(runs, members) else {
            continue;
        };
        paired += 1;
        for place in members {
            let (run, _) = &runs[*place];
            sizes[*place] = format!(
                "rung {}",
                ranks[&(run.arm.as_str(), run.params.to_bits())] + 1
            );
        }
    }
    if paired > 0 {
        notes.push(Note::Remark(format!(
            "architectures have other N than each other at {paired} of the budgets: their sizes are paired by rank; a column \
             `size` would say which belong together"
        )));
    }
    sizes
}

fn by_params(run: &Run) -> String {
    run.size
        .clone()
        .unwrap_or_else(|| format!("{}", run.params))
}

type Ranks<'a> = BTreeMap<(&'a str, u64), usize>;

fn ranks<'a>(runs: &'a [(Run, u64)], members: &[usize]) -> Option<Ranks<'a>> {
    // Bits of positive numbers are in the numbers' order.
    let mut arms: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (run, _) in members.iter().map(|place| &runs[*place]) {
        if run.size.is_some() {
            return None;
        }
        arms.entry(&run.arm)
            .or_default()
            .insert(run.params.to_bits());
    }
    let count = arms.values().next()?.len();
    let distinct: BTreeSet<u64> = arms.values().flatten().copied().collect();
    let nothing_shared = distinct.len() == arms.values().map(BTreeSet::len).sum::<usize>();
    if arms.len() < 2
        || count < FEWEST
        || !nothing_shared
        || arms.values().any(|sizes| sizes.len() != count)
    {
        return None;
    }
    // Ranks part the sizes if, in order, each block of one size an arm has every arm in it.
    let arm_of = |bits: &u64| {
        arms.iter()
            .find(|(_, sizes)| sizes.contains(bits))
            .map(|(arm, _)| *arm)
    };
    let in_order: Vec<(u64, &str)> = distinct
        .iter()
        .filter_map(|bits| Some((*bits, arm_of(bits)?)))
        .collect();
    let mut ranks = Ranks::new();
    for (rank, block) in in_order.chunks(arms.len()).enumerate() {
        if block
            .iter()
            .map(|(_, arm)| arm)
            .collect::<BTreeSet<_>>()
            .len()
            != arms.len()
        {
            return None;
        }
        ranks.extend(block.iter().map(|(bits, arm)| ((*arm, *bits), rank)));
    }
    Some(ranks)
}
