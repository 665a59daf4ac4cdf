//! Learning rates that were tried at one size and budget: fits take the best of each.

use std::collections::HashMap;
use std::hash::Hash;

/// Whether runs of one cell, that is of one architecture, size and budget, differ in their learning rates.
pub fn several_learning_rates<Cell: Eq + Hash>(
    runs: impl IntoIterator<Item = (Cell, f64)>,
) -> bool {
    let mut rates: HashMap<Cell, f64> = HashMap::new();
    runs.into_iter()
        .any(|(cell, rate)| *rates.entry(cell).or_insert(rate) != rate)
}
