//! Which sizes of several architectures belong together where they share no N.
//!
//! Arms that share (size, budget, seed) share a bootstrap weight, so that a size must be named alike in both. Ranks pair sizes
//! if they can mean one thing only: every arm has as many sizes, at least [`FEWEST`], and the largest N of a rank lies below
//! the least N of the next. Pairing runs that share nothing does no harm: a weight they share leaves the variance of their
//! difference as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use isoflop_core::units::Ordered;

use super::measurement::Measurement;

/// Sizes an arm must have at a budget for ranks to be paired.
const FEWEST: usize = 4;

/// The rank of each run's size within its arm, from 0, of the runs of one budget; none where arms share an N, or ranks do not
/// part the sizes.
pub fn size_ranks(runs: &[Measurement<'_>]) -> Option<Vec<usize>> {
    let mut arms: HashMap<&str, BTreeSet<Ordered>> = HashMap::new();
    let mut arm_of: BTreeMap<Ordered, &str> = BTreeMap::new();
    for Measurement { arm, params, .. } in runs {
        arms.entry(arm).or_default().insert(Ordered(*params));
        arm_of.insert(Ordered(*params), arm);
    }
    let count = arms.values().next()?.len();
    let is_alike = arms.values().all(|sizes| sizes.len() == count);
    let shares_none = arm_of.len() == count * arms.len();
    if arms.len() < 2 || count < FEWEST || !is_alike || !shares_none {
        return None;
    }
    // Ranks part the sizes if, in order, each block of one size an arm has every arm in it.
    let in_order: Vec<&str> = arm_of.values().copied().collect();
    let has_all = |block: &[&str]| block.iter().collect::<BTreeSet<_>>().len() == arms.len();
    if !in_order.chunks(arms.len()).all(has_all) {
        return None;
    }
    let ranks: BTreeMap<Ordered, usize> = arm_of
        .into_keys()
        .enumerate()
        .map(|(place, params)| (params, place / arms.len()))
        .collect();
    Some(runs.iter().map(|run| ranks[&Ordered(run.params)]).collect())
}
