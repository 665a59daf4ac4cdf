//! Pairing of sizes across architectures that share no N.
//!
//! Arms that share (size, budget, seed) share a bootstrap weight, so a size needs the same name in
//! both. Sizes are paired by rank if the pairing is unambiguous: every arm has the same number of
//! sizes, at least [`FEWEST`], and the largest N of a rank is below the smallest N of the next.
//! Pairing unrelated runs does no harm: a shared weight does not change the variance of their
//! difference.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use isoflop_core::units::NumberKey;

use super::measurement::Measurement;

/// Fewest sizes of an arm at a budget for pairing by rank.
const FEWEST: usize = 4;

/// Returns the rank of each run's size within its arm, from 0, for the runs of one budget. `None`
/// if arms share an N or ranks overlap.
pub fn size_ranks(runs: &[Measurement<'_>]) -> Option<Vec<usize>> {
    let mut arms: HashMap<&str, BTreeSet<NumberKey>> = HashMap::new();
    let mut arm_of: BTreeMap<NumberKey, &str> = BTreeMap::new();
    for Measurement { arm, params, .. } in runs {
        arms.entry(arm).or_default().insert(NumberKey(*params));
        arm_of.insert(NumberKey(*params), arm);
    }
    let count = arms.values().next()?.len();
    let is_alike = arms.values().all(|sizes| sizes.len() == count);
    let shares_none = arm_of.len() == count * arms.len();
    if arms.len() < 2 || count < FEWEST || !is_alike || !shares_none {
        return None;
    }
    // Ranks do not overlap if, in order of N, each block with one size per arm contains every arm.
    let in_order: Vec<&str> = arm_of.values().copied().collect();
    let has_all = |block: &[&str]| block.iter().collect::<BTreeSet<_>>().len() == arms.len();
    if !in_order.chunks(arms.len()).all(has_all) {
        return None;
    }
    let ranks: BTreeMap<NumberKey, usize> = arm_of
        .into_keys()
        .enumerate()
        .map(|(place, params)| (params, place / arms.len()))
        .collect();
    Some(
        runs.iter()
            .map(|run| ranks[&NumberKey(run.params)])
            .collect(),
    )
}
