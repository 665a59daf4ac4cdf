//! Detection of several learning rates in one cell. Fits use the best of each cell.

use std::collections::HashMap;
use std::hash::Hash;

/// Reports whether runs of one cell (architecture, size and budget) differ in their learning rates.
pub fn has_several_learning_rates<Cell: Eq + Hash>(
    runs: impl IntoIterator<Item = (Cell, f64)>,
) -> bool {
    let mut rates: HashMap<Cell, f64> = HashMap::new();
    runs.into_iter()
        .any(|(cell, rate)| *rates.entry(cell).or_insert(rate) != rate)
}
